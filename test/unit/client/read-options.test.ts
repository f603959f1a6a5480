import { expect, test } from "vitest";
import { Dure } from "../../../client/src/index.ts";
import { FakeClock, fakeServer } from "../../rigs/client-fakes.ts";

test("settings are patched, by the version that was seen where one is named", async () => {
  const { fetch, seen } = fakeServer(() => ({ status: 200, body: {} }));
  const dure = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock: new FakeClock() });
  await dure.queues.patch("q", { timeout: 30, retry: { maxAttempts: 3 } });
  await dure.queues.put("q", { timeout: 30 }, { ifVersion: 3 });
  await dure.schedules.patch("s", { paused: true }, { ifVersion: 4 });
  await dure.subscriptions.patch("t", { paused: null });
  expect(seen.map(({ method, path, headers }) => [method, path, headers["if-match"]])).toEqual([
    ["PATCH", "/v1/queues/q", undefined],
    ["PUT", "/v1/queues/q", '"3"'],
    ["PATCH", "/v1/schedules/s", '"4"'],
    ["PATCH", "/v1/subscriptions/t", undefined],
  ]);
  expect(seen[0]?.body).toEqual({ timeout: 30, retry: { maxAttempts: 3 } });
});

test("a change by version whose answer was lost is not sent again, another is", async () => {
  const clock = new FakeClock();
  const { fetch, seen } = fakeServer(() => "no-answer");
  const { queues } = new Dure({ url: "http://dure", key: "dure_k_s", fetch, clock, retries: 2 });
  await expect(queues.patch("q", { timeout: 30 }, { ifVersion: 3 })).rejects.toThrow();
  expect(seen).toHaveLength(1);
  const tried = expect(queues.patch("q", { timeout: 30 })).rejects.toThrow();
  await clock.advance(600_000);
  await tried;
  expect(seen).toHaveLength(4);
});
