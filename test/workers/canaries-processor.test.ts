import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { SubscriptionView } from "../../contract/subscription.ts";
import { claimOne, makeKey, makeNamespace, must, submit } from "./api.ts";
import { CANARY, HTTP_QUEUE, JOB, namesIn, quiet, SUBSCRIPTION } from "./canaries.ts";
import { passTime, resetClock } from "./clock.ts";
import { leakyFetch, leakyFrom, quoted } from "./leaky-faults.ts";
import { deliver, PROCESSOR_ENV, project, work } from "./processor.ts";
import { tell } from "./subscriber.ts";

/**
 * The processor's loops, while the database, calls of objects and requests fail with errors that quote what they were given:
 * no canary comes out, neither in the log nor in what it keeps of it for people.
 */

let key = "";

beforeAll(async () => {
  ({ key } = await makeKey(["admin"], await makeNamespace("canaries")));
  await must("PUT", "/v1/queues/pulled", { key, body: { partitions: 1 } });
  await must("PUT", "/v1/queues/posted", { key, body: HTTP_QUEUE });
  await must("PUT", "/v1/subscriptions/canaries", { key, body: SUBSCRIPTION });
});
beforeEach(() => {
  quoted.length = 0;
});
afterEach(resetClock);

/** What is taken and not reported is handed out again when its lease has ended. */
const LEASE_MS = 61_000;

/** Runs with everything failing from the `from`-th operation on, each request too. Answers whether anything did. */
async function failing(from: number, run: (bindings: ProcessorEnv) => Promise<unknown>): Promise<boolean> {
  const faults = leakyFrom(from);
  const { DB, SHARD, DIRECTORY } = faults.bindings;
  passTime(LEASE_MS);
  await quiet(async () => {
    leakyFetch();
    await run({ ...PROCESSOR_ENV, DB, SHARD, DIRECTORY });
  });
  return faults.operations() >= from;
}

/** As many operations are let through as there are, one more each time. Answers how many there were. */
async function failingEach(run: (bindings: ProcessorEnv) => Promise<unknown>, most: number): Promise<number> {
  let from = 1;
  while (from < most && (await failing(from, run))) from += 1;
  return from;
}

function expectQuoted(names: string[]): void {
  expect(namesIn(quoted.join("\n"))).toEqual(expect.arrayContaining(names));
}

it("at work: neither in its log, nor in the attempts of jobs", async () => {
  const { id } = await submit({ ...JOB, queue: "posted" }, { key });
  expect(await failingEach((bindings) => work("default", bindings), 14)).toBeGreaterThan(4);
  await failing(1000, (bindings) => work("default", bindings));
  const { attempts, error } = await must<JobView>("GET", `/v1/jobs/${id}`, { key });
  expect(attempts.some((attempt) => attempt.error?.code === "network-error")).toBe(true);
  expect(namesIn(JSON.stringify([attempts, error]))).toEqual([]);
  expectQuoted(["payload", "targetHeader", "targetUrl", "lease"]);
});

it("delivering events: neither in its log, nor in what the subscription says of it", async () => {
  expect(await failingEach((bindings) => tell({ ...bindings }), 12)).toBeGreaterThan(3);
  await failing(1000, (bindings) => tell({ ...bindings }));
  const { delivery } = await must<SubscriptionView>("GET", "/v1/subscriptions/canaries", { key });
  expect(delivery.lastError?.code).toBe("network-error");
  expect(namesIn(JSON.stringify(delivery))).toEqual([]);
  expectQuoted(["subscriptionHeader", "subscriptionUrl"]);
});

it("copying finished jobs to history", async () => {
  await submit({ ...JOB, idempotencyKey: CANARY.idempotencyKey, dedup: { key: CANARY.dedupKey } }, { key });
  const { lease } = await claimOne("pulled", {}, key);
  const body = { progress: { message: CANARY.progress }, checkpoint: CANARY.checkpoint };
  await must("POST", "/v1/leases/extend", { key, body: { lease, ...body } });
  await must("POST", "/v1/leases/succeed", { key, body: { lease, result: CANARY.result } });
  const { id } = await submit(JOB, { key });
  const error = { code: "broken", message: CANARY.error, retryable: false };
  const other = await claimOne("pulled", {}, key);
  await must("POST", "/v1/leases/fail", { key, body: { lease: other.lease, error } });
  expect((await must<JobView>("GET", `/v1/jobs/${id}`, { key })).state).toBe("failed");
  expect(await failingEach((bindings) => project(bindings), 20)).toBeGreaterThan(3);
  expectQuoted(["payload", "result", "error", "tag", "orderingKey"]);
});

it("keeping messages that nobody could handle: their reasons quote nothing", async () => {
  const bodies = [{ v: 1, kind: CANARY.payload, [CANARY.tag]: 1 }, CANARY.payload];
  for (const queue of ["dure-default", "dure-dead"]) {
    for (const from of [1, 1000]) await failing(from, (bindings) => deliver(queue, bodies, bindings));
  }
  const { results } = await env.DB.prepare("SELECT reason FROM dead_letters WHERE queue <> 'dure-ingest'").all();
  expect(results.length).toBeGreaterThan(0);
  expect(namesIn(JSON.stringify(results))).toEqual([]);
  expectQuoted(["payload", "tag"]);
});
