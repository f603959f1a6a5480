import { afterEach, describe, expect, it } from "vitest";
import { JobListView, JobView } from "../../contract/job.ts";
import { ClaimView, ReportsView } from "../../contract/pull.ts";
import { call, claim, claimOne, evict, fail, getJob, must, newQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";

afterEach(resetClock);

const extend = (lease: string, body?: unknown) =>
  call("POST", `/v1/leases/${lease}/extend`, body === undefined ? {} : { body });

/** A job that runs under a lease of ten seconds. */
async function running(settings: Parameters<typeof newQueue>[0] = {}) {
  const queue = await newQueue({ retry: { delay: 0 }, ...settings });
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue, { leaseSeconds: 10 });
  return { queue, id, lease };
}

describe("progress", () => {
  it("is stored with the extension, and read with the job, also after the object died", async () => {
    const { queue, id, lease } = await running();
    expect((await getJob(id)).progress).toBeNull();
    const before = Date.now();
    const answer = await extend(lease, { leaseSeconds: 30, progress: { percent: 12.5, message: "쪽 7/56" } });
    expect(answer).toMatchObject({ status: 200, body: { cancelled: false } });
    await evict();
    const job = JobView.parse(await getJob(id));
    expect(job.progress).toMatchObject({ percent: 12.5, message: "쪽 7/56" });
    expect(Date.parse(job.progress?.at ?? "")).toBeGreaterThanOrEqual(before);
    expect(Date.parse(job.leaseExpiresAt ?? "")).toBeGreaterThan(before + 25_000);
    const list = JobListView.parse(await must("GET", `/v1/jobs?queue=${queue}`));
    expect(list.items).toMatchObject([{ id, progress: { percent: 12.5 } }]);
  });

  it("keeps what an update leaves out", async () => {
    const { id, lease } = await running();
    await extend(lease, { progress: { percent: 1, message: "one" } });
    await extend(lease, { progress: { percent: 2 } });
    await extend(lease, { checkpoint: [] });
    expect((await getJob(id)).progress).toMatchObject({ percent: 2, message: "one" });
  });

  it("is gone when the job has succeeded, was cancelled; and stays with a job that failed", async () => {
    const done = await running();
    await extend(done.lease, { progress: { percent: 99 } });
    expect((await succeed(done.lease)).body).toMatchObject({ state: "succeeded", progress: null });
    const cancelled = await running();
    await extend(cancelled.lease, { progress: { percent: 99 } });
    const body = await must<JobView>("POST", `/v1/jobs/${cancelled.id}/cancel`);
    expect(body).toMatchObject({ state: "cancelled", progress: null });
    const failed = await running();
    await extend(failed.lease, { progress: { percent: 99 } });
    const answer = await fail(failed.lease, { retryable: false });
    expect(answer.body).toMatchObject({ state: "failed", progress: { percent: 99, message: null } });
  });

  it.each([
    ["a percentage beyond 100", { progress: { percent: 100.1 } }, "/progress/percent"],
    ["a negative one", { progress: { percent: -1 } }, "/progress/percent"],
    ["a message that is too long", { progress: { message: "쪽".repeat(342) } }, "/progress/message"],
    ["a field nobody knows", { progress: { step: 1 } }, "/progress/step"],
    ["a lease that is too short", { leaseSeconds: 0.5 }, "/leaseSeconds"],
  ])("%s is a 400", async (_, body, pointer) => {
    const { id, lease } = await running();
    expect(await extend(lease, body)).toMatchObject({
      status: 400,
      body: { code: "invalid-request", errors: [{ pointer }] },
    });
    expect((await getJob(id)).progress).toBeNull();
  });
});

describe("a checkpoint", () => {
  it("is handed to the next attempt, after a failure and after a lost worker", async () => {
    const { queue, id, lease } = await running();
    const checkpoint = { page: 7, done: ["a", "두레"] };
    await extend(lease, { checkpoint });
    await fail(lease);
    await runAlarms();
    const { jobs } = ClaimView.parse(await must("POST", `/v1/queues/${queue}/claim`, { body: { leaseSeconds: 10 } }));
    expect(jobs).toMatchObject([{ id, attempt: 2, checkpoint }]);
    passTime(11_000);
    await runAlarms();
    await evict();
    expect(await claimOne(queue)).toMatchObject({ id, attempt: 3, checkpoint });
  });

  it("is null without one, and after null forgot it; a plain read never tells it", async () => {
    const { queue, id, lease } = await running();
    await extend(lease, { checkpoint: { secret: 1 } });
    expect(JSON.stringify(await getJob(id))).not.toContain("secret");
    await extend(lease, { checkpoint: null });
    await fail(lease);
    await runAlarms();
    expect(await claimOne(queue)).toMatchObject({ attempt: 2, checkpoint: null });
  });

  it("survives a redrive", async () => {
    const { queue, id, lease } = await running();
    await extend(lease, { checkpoint: 7 });
    await fail(lease, { retryable: false });
    await must("POST", `/v1/jobs/${id}/retry`);
    expect(await claimOne(queue)).toMatchObject({ id, checkpoint: 7 });
  });

  it("may be 64 KiB; beyond it is a 413, and the lease is not extended", async () => {
    const { queue, id, lease } = await running();
    const largest = "x".repeat(64 * 1024 - 2);
    expect((await extend(lease, { leaseSeconds: 20, checkpoint: largest })).status).toBe(200);
    const { leaseExpiresAt } = await getJob(id);
    expect(await extend(lease, { leaseSeconds: 50, checkpoint: `${largest}x` })).toMatchObject({
      status: 413,
      body: { code: "checkpoint-too-large" },
    });
    expect((await getJob(id)).leaseExpiresAt).toBe(leaseExpiresAt);
    await fail(lease);
    await runAlarms();
    expect((await claimOne(queue)).checkpoint).toBe(largest);
  });

  it("comes with a claim of many, beside large payloads", async () => {
    const queue = await newQueue({ partitions: 1, retry: { delay: 0 } });
    const payload = "x".repeat(250 * 1024);
    for (let i = 0; i < 60; i += 3) {
      await must("POST", "/v1/batches", { body: { jobs: Array.from({ length: 3 }, () => ({ queue, payload })) } });
    }
    let claimed = await claim(queue, { max: 100 });
    expect(claimed.length).toBeGreaterThan(30);
    for (const { lease } of claimed) {
      await extend(lease, { checkpoint: "y".repeat(60_000) });
      await fail(lease);
    }
    await runAlarms();
    const seen = new Set<string>();
    for (let i = 0; i < 4 && seen.size < 60; i++) {
      claimed = await claim(queue, { max: 100 });
      for (const job of claimed) seen.add(job.id);
    }
    expect(seen.size).toBe(60);
  });
});

describe("a lease", () => {
  it("is extended by the job's timeout when no length is given, with no body at all", async () => {
    const { id, lease } = await running({ timeout: 45 });
    const { startedAt } = await getJob(id);
    const answer = await call<{ leaseExpiresAt: string }>("POST", `/v1/leases/${lease}/extend`);
    expect(answer.status).toBe(200);
    // As far as the attempt goes, which extensions never move.
    expect(Date.parse(answer.body.leaseExpiresAt) - Date.parse(startedAt ?? "")).toBe(45_000);
  });

  it("that is stale stores nothing", async () => {
    const { id, lease } = await running();
    passTime(11_000);
    const body = { progress: { percent: 50 }, checkpoint: 1 };
    expect(await extend(lease, body)).toMatchObject({ status: 409, body: { code: "stale-lease" } });
    expect((await getJob(id)).progress).toBeNull();
  });

  it("ends by one of two clocks, and the error says by which", async () => {
    const lost = await running({ timeout: 60, retry: { delay: 100 } });
    const slow = await running({ timeout: 15, retry: { delay: 100 } });
    passTime(8_000);
    await extend(slow.lease, { leaseSeconds: 10 });
    passTime(3_000);
    await runAlarms();
    expect(await getJob(lost.id)).toMatchObject({ state: "scheduled", error: { code: "lease-expired" } });
    expect(await getJob(slow.id)).toMatchObject({ state: "running" });
    passTime(5_000);
    await runAlarms();
    expect(await getJob(slow.id)).toMatchObject({ state: "scheduled", error: { code: "timeout" } });
  });
});

describe("a cancelled job", () => {
  it("tells its worker at the next extend, and stores nothing of it", async () => {
    const { id, lease } = await running();
    await must("POST", `/v1/jobs/${id}/cancel`);
    const answer = await extend(lease, { progress: { percent: 50 } });
    expect(answer).toMatchObject({ status: 200, body: { leaseExpiresAt: null, cancelled: true } });
    expect((await getJob(id)).progress).toBeNull();
  });

  it("makes reports stale, and these say why", async () => {
    const { id, lease } = await running();
    await must("POST", `/v1/jobs/${id}/cancel`);
    for (const path of ["succeed", "fail"]) {
      const body = path === "fail" ? { error: { code: "x" } } : {};
      const answer = await call("POST", `/v1/leases/${lease}/${path}`, { body });
      expect(answer).toMatchObject({ status: 409, body: { code: "stale-lease" } });
      expect(answer.body.detail).toContain("cancelled");
    }
    const other = await running();
    await succeed(other.lease);
    const reports = [lease, other.lease].map((one) => ({ lease: one, ok: true }));
    const { items } = ReportsView.parse(await must("POST", "/v1/reports", { body: { reports } }));
    expect(items[0]).toMatchObject({ status: "stale", cancelled: true });
    expect(items[1]).toMatchObject({ status: "stale", problem: { code: "stale-lease" } });
    expect(items[1]).not.toHaveProperty("cancelled");
    expect(await getJob(id)).toMatchObject({ state: "cancelled", result: null });
  });
});
