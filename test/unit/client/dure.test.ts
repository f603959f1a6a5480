import { expect, test } from "vitest";
import { scriptedClient } from "../../rigs/client-fakes.ts";

test("every other call goes where the API says", async () => {
  const { dure, seen } = scriptedClient(() => ({ body: { jobs: [], items: [], cancelled: false } }));
  await dure.cancel("j/1");
  await dure.patch("j", { priority: 9 });
  await dure.runNow("j");
  await dure.retry("j");
  await dure.explain("j");
  await dure.queues.put("q", { target: { type: "http", url: "https://a.b" } });
  await dure.queues.get("q");
  await dure.queues.list({ limit: 2 });
  await dure.queues.delete("q");
  await dure.queues.pause("q");
  await dure.queues.resume("q");
  await dure.queues.stats("q");
  await dure.queues.redrive("q", { dryRun: true });
  await dure.queues.purge("q");
  await dure.queues.discardFailed("q", { tag: "t" });
  await dure.queues.failures("q", { limit: 5 });
  await dure.queues.keys("q", { state: "blocked" });
  await dure.queues.unblockKey("q", { key: "k", action: "skip" });
  await dure.queues.pauseKey("q", "k/1");
  await dure.queues.resumeKey("q", "k/1");
  await dure.leases.claim("q", { max: 2, wait: 1 });
  await dure.leases.report([{ lease: "l", ok: true }], { queue: "q" });
  await dure.leases.succeed("l", 1);
  await dure.leases.fail("l", { error: { code: "c" }, retryAfter: 5 });
  await dure.leases.extend("l", 9);
  expect(
    seen.map(({ method, path, body }) => `${method} ${path}${body === undefined ? "" : ` ${JSON.stringify(body)}`}`),
  ).toEqual([
    "POST /v1/jobs/j%2F1/cancel {}",
    'PATCH /v1/jobs/j {"priority":9}',
    "POST /v1/jobs/j/run-now {}",
    "POST /v1/jobs/j/retry {}",
    "GET /v1/jobs/j/explain",
    'PUT /v1/queues/q {"target":{"type":"http","url":"https://a.b"}}',
    "GET /v1/queues/q",
    "GET /v1/queues?limit=2",
    "DELETE /v1/queues/q",
    "POST /v1/queues/q/pause {}",
    "POST /v1/queues/q/resume {}",
    "GET /v1/queues/q/stats",
    'POST /v1/queues/q/redrive {"dryRun":true}',
    "POST /v1/queues/q/purge {}",
    'POST /v1/queues/q/purge {"failed":true,"filter":{"tag":"t"}}',
    "GET /v1/queues/q/failures?limit=5",
    "GET /v1/queues/q/keys?state=blocked",
    'POST /v1/queues/q/keys/unblock {"key":"k","action":"skip"}',
    'POST /v1/queues/q/keys/pause {"key":"k/1"}',
    'POST /v1/queues/q/keys/resume {"key":"k/1"}',
    'POST /v1/queues/q/claim {"max":2,"wait":1}',
    'POST /v1/reports {"reports":[{"lease":"l","ok":true}],"claim":{"queue":"q"}}',
    'POST /v1/leases/succeed {"lease":"l","result":1}',
    'POST /v1/leases/fail {"lease":"l","error":{"code":"c"},"retryAfter":5}',
    'POST /v1/leases/extend {"lease":"l","leaseSeconds":9}',
  ]);
});
