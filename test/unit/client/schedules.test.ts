import { expect, test } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { FakeClock, fakeServer } from "../../rigs/client-fakes.ts";

test("each call asks for what it says", async () => {
  const { fetch, seen } = fakeServer(({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 200, body: { items: [], nextCursor: null } },
  );
  const { schedules } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock: new FakeClock() });
  const schedule = { cron: "30 2 * * *", timezone: "Europe/Berlin", job: { queue: "reports", payload: 1 } };
  await schedules.put("a.b", schedule);
  await schedules.get("a.b");
  await schedules.list({ limit: 5 });
  await schedules.fires("a.b", { cursor: "c" });
  await schedules.delete("a.b");
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PUT /v1/schedules/a.b",
    "GET /v1/schedules/a.b",
    "GET /v1/schedules?limit=5",
    "GET /v1/schedules/a.b/fires?cursor=c",
    "DELETE /v1/schedules/a.b",
  ]);
  expect(seen[0]?.body).toEqual(schedule);
});
