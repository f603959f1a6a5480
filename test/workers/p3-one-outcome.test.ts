import { afterEach, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import type { ReportsView } from "../../contract/pull.ts";
import { call, claimOne, evict, fail, getJob, makeKey, makeNamespace, must, newQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { deliver, work } from "./processor.ts";

afterEach(resetClock);

const LATE_MS = 61_000;

async function expectRefused(lease: string, job: JobView): Promise<void> {
  const answers = [await succeed(lease, "late"), await fail(lease)];
  answers.push(await call("POST", `/v1/leases/${lease}/extend`, { body: { leaseSeconds: 30 } }));
  for (const answer of answers) expect(answer).toMatchObject({ status: 409, body: { code: "stale-lease" } });
  await evict();
  expect(await getJob(job.id)).toEqual(job);
}

it("a second report of an outcome is refused and changes nothing", async () => {
  const queue = await newQueue();
  await submit({ queue });
  const { lease } = await claimOne(queue);
  const first = await succeed<JobView>(lease, { n: 1 });
  expect(first.status).toBe(200);
  await evict();
  await expectRefused(lease, first.body);
});

it("a report after the lease expired is refused and changes nothing", async () => {
  const queue = await newQueue({ retry: { maxAttempts: 3, delay: 1000, jitter: "none" } });
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  await evict();
  passTime(LATE_MS);
  // No alarm has run yet: the report itself has to notice.
  expect(await succeed(lease, "late")).toMatchObject({ status: 409, body: { code: "stale-lease" } });
  const job = await getJob(id);
  expect(job).toMatchObject({ state: "scheduled", attempt: 1, result: null, error: { code: "timeout" } });
  expect(job.attempts.map((attempt) => attempt.outcome)).toEqual(["leaseExpired"]);
  await expectRefused(lease, job);
});

it("a report under a lease that another attempt has replaced is refused while the new one is recorded", async () => {
  const queue = await newQueue({ retry: { maxAttempts: 3, delay: 0 } });
  const { id } = await submit({ queue });
  const first = await claimOne(queue, { worker: "one" });
  passTime(LATE_MS);
  await runAlarms();
  const second = await claimOne(queue, { worker: "two" });
  expect(second).toMatchObject({ id, attempt: 2 });
  await evict();
  expect(await succeed(first.lease, "from one")).toMatchObject({ status: 409, body: { code: "stale-lease" } });
  const recorded = await succeed<JobView>(second.lease, "from two");
  expect(recorded).toMatchObject({ status: 200, body: { state: "succeeded", result: "from two", attempt: 2 } });
  await expectRefused(first.lease, recorded.body);
  expect(recorded.body.attempts.map(({ number, outcome, worker }) => [number, outcome, worker])).toEqual([
    [1, "leaseExpired", "one"],
    [2, "succeeded", "two"],
  ]);
});

it("of many reports of one lease at once exactly one is recorded", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) => (i % 3 === 2 ? fail(lease, { retryable: false }) : succeed(lease, i))),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(11).fill(409)]);
  const winner = answers.findIndex(({ status }) => status === 200);
  await evict();
  const job = await getJob(id);
  if (winner % 3 === 2) expect(job).toMatchObject({ state: "failed", result: null });
  else expect(job).toMatchObject({ state: "succeeded", result: winner });
  expect(job.attempts).toHaveLength(1);
});

it("one request that reports a lease twice records it once", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  const reports = [
    { lease, ok: true, result: "first" },
    { lease, ok: true, result: "second" },
    { lease, ok: false, error: { code: "third" } },
  ];
  const { items } = await must<ReportsView>("POST", "/v1/reports", { body: { reports } });
  expect(items.map((item) => item.status)).toEqual(["recorded", "stale", "stale"]);
  await evict();
  expect(await getJob(id)).toMatchObject({ state: "succeeded", result: "first" });
});

it("a worker learns of a cancellation at its next extend, and its report is stale", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  const cancelled = await must<JobView>("POST", `/v1/jobs/${id}/cancel`);
  expect(cancelled).toMatchObject({ state: "cancelled", attempts: [{ number: 1, outcome: "cancelled" }] });
  await evict();
  const extended = await call("POST", `/v1/leases/${lease}/extend`, { body: { leaseSeconds: 30 } });
  expect(extended).toMatchObject({ status: 200, body: { cancelled: true } });
  expect(await succeed(lease, "late")).toMatchObject({ status: 409, body: { code: "stale-lease" } });
  await evict();
  expect(await getJob(id)).toEqual(cancelled);
});

it("the lease of an attempt before a redrive is stale for ever", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  expect((await fail(lease, { retryable: false })).status).toBe(200);
  await evict();
  const redriven = await must<JobView>("POST", `/v1/jobs/${id}/retry`);
  expect(redriven).toMatchObject({ state: "queued", attempt: 1 });
  await expectRefused(lease, redriven);
  const again = await claimOne(queue);
  expect(again).toMatchObject({ id, attempt: 2 });
  expect((await succeed(lease)).status).toBe(409);
  expect((await succeed(again.lease, 2)).status).toBe(200);
  await evict();
  expect(await getJob(id)).toMatchObject({ state: "succeeded", result: 2, attempt: 2 });
});

it("a cancelled attempt's lease is stale after the job was redriven and ran again", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const first = await claimOne(queue);
  await must("POST", `/v1/jobs/${id}/cancel`);
  await must("POST", `/v1/jobs/${id}/retry`);
  await evict();
  const second = await claimOne(queue);
  expect(await succeed(first.lease)).toMatchObject({ status: 409, body: { code: "stale-lease" } });
  expect((await succeed(second.lease, "second")).status).toBe(200);
  await evict();
  const job = await getJob(id);
  expect(job).toMatchObject({ state: "succeeded", result: "second" });
  expect(job.attempts.map((attempt) => attempt.outcome)).toEqual(["cancelled", "succeeded"]);
});

it("a lease that never was is 404, and so is another namespace's", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  const forged = lease.slice(0, -1) + (lease.endsWith("0") ? "1" : "0");
  const higher = lease.replace(/_1_/, "_2_");
  const namespace = await makeNamespace("stranger");
  const { key } = await makeKey(["work"], namespace);
  for (const one of [forged, higher, "lease_x", "x"]) {
    expect(await succeed(one)).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
  }
  for (const [action, body] of [
    ["succeed", {}],
    ["fail", { error: { code: "x" } }],
    ["extend", { leaseSeconds: 5 }],
  ] as const) {
    const answer = await call("POST", `/v1/leases/${lease}/${action}`, { body, key });
    expect(answer).toMatchObject({ status: 404, body: { code: "lease-not-found" } });
  }
  await evict();
  expect((await getJob(id)).state).toBe("running");
});

it("an extended lease lives on, the attempt's timeout is never moved", async () => {
  const queue = await newQueue({ timeout: 100, retry: { maxAttempts: 1 } });
  const { id } = await submit({ queue });
  const { lease, startedAt } = await claimOne(queue, { leaseSeconds: 10 });
  passTime(8000);
  const extend = () =>
    call<{ leaseExpiresAt: string }>("POST", `/v1/leases/${lease}/extend`, { body: { leaseSeconds: 60 } });
  expect((await extend()).body).toMatchObject({ cancelled: false });
  await evict();
  passTime(50_000);
  await runAlarms();
  expect((await getJob(id)).state).toBe("running");
  const { body } = await extend();
  expect(Date.parse(body.leaseExpiresAt) - Date.parse(startedAt ?? "")).toBe(100_000);
  await evict();
  passTime(43_000);
  await runAlarms();
  expect(await getJob(id)).toMatchObject({ state: "failed", error: { code: "timeout" } });
});

it("doubled and reordered bells run a pushed job once", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "wordcount" } });
  const { id } = await submit({ queue, payload: { text: "one two two" } });
  const bells = (ids: string[]) => ids.map((shard) => ({ v: 1, kind: "work", shard, lane: "default" }));
  await Promise.all([
    work(),
    deliver("dure-default", bells(["shard-3", "shard-1", "shard-0", "shard-2", "shard-1"])),
    work(),
  ]);
  await work();
  await evict();
  const job = await getJob(id);
  expect(job).toMatchObject({ state: "succeeded", attempt: 1, result: { words: 3, counts: { one: 1, two: 2 } } });
  expect(job.attempts).toHaveLength(1);
});
