import { expect, test } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { FakeClock, fakeServer } from "../../rigs/client-fakes.ts";

test("each call asks for what it says", async () => {
  const { fetch, seen } = fakeServer(({ method }) =>
    method === "DELETE" ? { status: 204 } : { status: 200, body: { items: [], nextCursor: null } },
  );
  const { subscriptions } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock: new FakeClock() });
  const subscription = {
    events: ["job.failed" as const],
    filter: { queue: "emails" },
    target: { type: "http" as const, url: "https://a.example/hook" },
  };
  await subscriptions.put("a.b", subscription);
  await subscriptions.get("a.b");
  await subscriptions.list({ limit: 5, cursor: "c" });
  await subscriptions.delete("a.b");
  expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "PUT /v1/subscriptions/a.b",
    "GET /v1/subscriptions/a.b",
    "GET /v1/subscriptions?limit=5&cursor=c",
    "DELETE /v1/subscriptions/a.b",
  ]);
  expect(seen[0]?.body).toEqual(subscription);
});

test("a PUT whose answer was lost is sent again, a DELETE is not", async () => {
  const clock = new FakeClock();
  let lost = true;
  const { fetch, seen } = fakeServer(() => {
    const answer = lost ? ("no-answer" as const) : { status: 200, body: {} };
    lost = !lost;
    return answer;
  });
  const { subscriptions } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock });
  const put = subscriptions.put("s", { events: ["job.failed"], target: { type: "queue", binding: "OUT" } });
  await clock.advance(60_000);
  await put;
  await expect(subscriptions.delete("s")).rejects.toThrow();
  expect(seen.map(({ method }) => method)).toEqual(["PUT", "PUT", "DELETE"]);
});
