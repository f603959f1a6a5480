import { expect, test } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { FakeClock, fakeServer } from "../../rigs/client-fakes.ts";

const SERVICE = { instances: [{ url: "https://mail-1.example.com" }] };

test("each call asks for what it says", async () => {
  const { fetch, seen } = fakeServer(({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 200, body: { items: [], nextCursor: null } },
  );
  const { services } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock: new FakeClock() });
  await services.put("a.b", SERVICE);
  await services.patch("a.b", { timeout: 5 }, { ifVersion: 1 });
  await services.get("a.b");
  await services.list({ limit: 5, cursor: "c" });
  await services.delete("a.b");
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PUT /v1/services/a.b",
    "PATCH /v1/services/a.b",
    "GET /v1/services/a.b",
    "GET /v1/services?limit=5&cursor=c",
    "DELETE /v1/services/a.b",
  ]);
  expect(seen[0]?.body).toEqual(SERVICE);
});

test("a PUT whose answer was lost is sent again, a DELETE is not", async () => {
  const clock = new FakeClock();
  let lost = true;
  const { fetch, seen } = fakeServer(() => {
    const answer = lost ? ("no-answer" as const) : { status: 200, body: {} };
    lost = !lost;
    return answer;
  });
  const { services } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock });
  const put = services.put("s", SERVICE);
  await clock.advance(60_000);
  await put;
  await expect(services.delete("s")).rejects.toThrow();
  expect(seen.map(({ method }) => method)).toEqual(["PUT", "PUT", "DELETE"]);
});
