import { afterEach, describe, expect, it } from "vitest";
import type { JobView } from "../../contract/job.ts";
import { ClaimView, ExtendView, type ReportsView } from "../../contract/pull.ts";
import { call, claim, claimOne, evict, fail, getJob, must, newQueue, sleep, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";

afterEach(resetClock);

describe("claiming", () => {
  it("answers the whole job with its lease", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue, payload: { p: 1 }, tags: ["t"] });
    const answer = await must("POST", `/v1/queues/${queue}/claim`, { body: { worker: "host-1", leaseSeconds: 30 } });
    const { jobs } = ClaimView.parse(answer);
    expect(jobs).toMatchObject([
      {
        id,
        state: "running",
        attempt: 1,
        payload: { p: 1 },
        tags: ["t"],
        attempts: [{ number: 1, outcome: null, worker: "host-1" }],
      },
    ]);
    const [job] = jobs;
    expect(Date.parse(job?.leaseExpiresAt ?? "") - Date.parse(job?.startedAt ?? "")).toBe(30_000);
    await evict();
    const { lease, checkpoint, ...claimed } = job ?? { lease: "" };
    expect(lease).not.toBe("");
    expect(checkpoint).toBeNull();
    expect(await getJob(id)).toEqual(claimed);
  });

  it("gives ten by default, and never a job twice", async () => {
    const queue = await newQueue();
    await must("POST", "/v1/batches", {
      body: { jobs: Array.from({ length: 25 }, (_, i) => ({ queue, payload: i })) },
    });
    const first = (await must<ClaimView>("POST", `/v1/queues/${queue}/claim`)).jobs;
    expect(first).toHaveLength(10);
    await evict();
    const rest = (await Promise.all([claim(queue), claim(queue), claim(queue)])).flat();
    const ids = [...first, ...rest].map(({ id }) => id);
    expect(new Set(ids).size).toBe(25);
    expect(ids).toHaveLength(25);
  });

  it("takes the job's timeout as the lease when none is asked for, and as its end when more is", async () => {
    const queue = await newQueue({ timeout: 45 });
    await submit({ queue });
    await submit({ queue });
    for (const job of [await claimOne(queue), await claimOne(queue, { leaseSeconds: 86_400 })]) {
      expect(Date.parse(job.leaseExpiresAt ?? "") - Date.parse(job.startedAt ?? "")).toBe(45_000);
    }
  });

  it("waits for work, and is woken by it", async () => {
    const queue = await newQueue();
    const start = Date.now();
    const waiting = claim(queue, { wait: 15, max: 1 });
    await sleep(300);
    const { id } = await submit({ queue });
    expect((await waiting).map((job) => job.id)).toEqual([id]);
    expect(Date.now() - start).toBeLessThan(5000);
  });

  it("is empty when the wait ends", async () => {
    const queue = await newQueue();
    const start = Date.now();
    expect(await claim(queue, { wait: 0.5 })).toEqual([]);
    expect(Date.now() - start).toBeGreaterThanOrEqual(490);
  });

  it("several that wait get each job once", async () => {
    const queue = await newQueue({ partitions: 1 });
    const waiting = Array.from({ length: 4 }, () => claim(queue, { wait: 5, max: 1 }));
    await sleep(200);
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push((await submit({ queue })).id);
    const got = (await Promise.all(waiting)).flat().map(({ id }) => id);
    expect(got.sort()).toEqual(ids.sort());
  });

  it("from a queue that pushes is refused with 409", async () => {
    const queue = await newQueue({ target: { type: "handler", name: "noop" } });
    const refused = { status: 409, body: { code: "not-a-pull-queue" } };
    expect(await call("POST", `/v1/queues/${queue}/claim`)).toMatchObject(refused);
    expect(await call("POST", "/v1/reports", { body: { reports: [], claim: { queue } } })).toMatchObject(refused);
  });

  it("from a queue that is not there is 404", async () => {
    const body = { reports: [], claim: { queue: "never-was" } };
    for (const answer of [
      await call("POST", "/v1/queues/never-was/claim"),
      await call("POST", "/v1/reports", { body }),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: "queue-not-found" } });
    }
  });
});

describe("reporting", () => {
  it("records many outcomes and claims again in one call", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    for (let i = 0; i < 5; i++) await submit({ queue, payload: i });
    const [one, two, three] = await claim(queue, { max: 3 });
    const reports = [
      { lease: one?.lease, ok: true, result: { n: 1 } },
      { lease: two?.lease, ok: false, error: { code: "no", message: "not today", retryable: false } },
      { lease: three?.lease, ok: true },
      { lease: "lease_nobody", ok: true },
    ];
    const answer = await must<ReportsView>("POST", "/v1/reports", {
      body: { reports, claim: { queue, max: 5, worker: "again" } },
    });
    expect(answer.items).toMatchObject([
      { status: "recorded" },
      { status: "recorded" },
      { status: "recorded" },
      { status: "stale", problem: { code: "lease-not-found", status: 404 } },
    ]);
    expect(answer.jobs).toHaveLength(2);
    await evict();
    expect(await getJob(one?.id ?? "")).toMatchObject({ state: "succeeded", result: { n: 1 } });
    expect(await getJob(two?.id ?? "")).toMatchObject({
      state: "failed",
      error: { code: "no", message: "not today", retryable: false },
    });
    expect(await getJob(three?.id ?? "")).toMatchObject({ state: "succeeded", result: null });
    expect(await getJob(answer.jobs[0]?.id ?? "")).toMatchObject({ state: "running", attempts: [{ worker: "again" }] });
  });

  it("gives jobs back beside other outcomes, without an attempt being spent", async () => {
    const queue = await newQueue({ partitions: 1 });
    for (let i = 0; i < 3; i++) await submit({ queue, payload: i });
    const [one, two, three] = await claim(queue, { max: 3 });
    const reports = [
      { lease: one?.lease, ok: null, delay: 30, reason: "The relay is being moved." },
      { lease: two?.lease, ok: true },
      { lease: three?.lease, ok: null },
    ];
    const { items, jobs } = await must<ReportsView>("POST", "/v1/reports", { body: { reports, claim: { queue } } });
    expect(items).toEqual([{ status: "recorded" }, { status: "recorded" }, { status: "recorded" }]);
    // The one that was given back at once is there for the claim of the same call.
    expect(jobs.map(({ id, attempt, delivery }) => ({ id, attempt, delivery }))).toEqual([
      { id: three?.id, attempt: 1, delivery: 2 },
    ]);
    await evict();
    const error = { code: "released", message: "The relay is being moved.", retryable: true };
    const released = await getJob(one?.id ?? "");
    expect(released).toMatchObject({ state: "scheduled", attempt: 0, delivery: 1, error, attempts: [] });
    expect(await must("POST", "/v1/reports", { body: { reports } })).toMatchObject({
      items: [{ status: "stale" }, { status: "stale" }, { status: "stale" }],
    });
  });

  it.each([
    [{ ok: "released" }, "/reports/0/ok", "ok is true, false or null."],
    [{ ok: null, delay: 86_401 }, "/reports/0/delay", "delay is in seconds: at most 86,400."],
    [{ ok: null, error: { code: "x" } }, "/reports/0/error", "`error` is no member of reports[0]."],
    [{ ok: true, delay: 1 }, "/reports/0/delay", "`delay` is no member of reports[0]."],
  ])("%j is refused, and where", async (said, pointer, detail) => {
    expect(await call("POST", "/v1/reports", { body: { reports: [{ lease: "lease_x", ...said }] } })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer, detail: expect.stringContaining(detail) }] },
    });
  });

  it("without a claim answers no jobs", async () => {
    const queue = await newQueue();
    await submit({ queue });
    await submit({ queue });
    const { lease } = await claimOne(queue);
    expect(await must("POST", "/v1/reports", { body: { reports: [{ lease, ok: true }] } })).toEqual({
      items: [{ status: "recorded" }],
      jobs: [],
    });
  });

  it("a failure that may be retried goes back after its backoff", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 3, backoff: "exponential", delay: 10, jitter: "none" } });
    const { id } = await submit({ queue });
    for (const [attempt, wait] of [
      [1, 10],
      [2, 20],
    ] as const) {
      const { body } = await fail((await claimOne(queue)).lease);
      expect(body).toMatchObject({ state: "scheduled", attempt });
      const last = body.attempts.at(-1);
      expect(Date.parse(body.runAt) - Date.parse(last?.finishedAt ?? "")).toBe(wait * 1000);
      await evict();
      passTime(wait * 1000 + 50);
      await runAlarms();
    }
    expect((await fail((await claimOne(queue)).lease)).body).toMatchObject({ state: "failed", attempt: 3 });
    expect((await getJob(id)).attempts).toHaveLength(3);
  });

  it("retryAfter stands above backoff and maxDelay", async () => {
    const queue = await newQueue({ retry: { delay: 1, maxDelay: 2, jitter: "none" } });
    await submit({ queue });
    const { lease } = await claimOne(queue);
    const body = { error: { code: "busy" }, retryAfter: 3600 };
    const job = await must<JobView>("POST", `/v1/leases/${lease}/fail`, { body });
    expect(Date.parse(job.runAt) - Date.parse(job.attempts[0]?.finishedAt ?? "")).toBe(3_600_000);
  });

  it("full jitter waits between nothing and the delay", async () => {
    const queue = await newQueue({ retry: { delay: 100, maxDelay: 100, jitter: "full", maxAttempts: 9 } });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      await submit({ queue });
      const { body } = await fail((await claimOne(queue)).lease);
      waits.push(Date.parse(body.runAt) - Date.parse(body.attempts[0]?.finishedAt ?? ""));
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(100_000);
    expect(new Set(waits).size).toBeGreaterThan(4);
  });

  it("succeed takes no body at all", async () => {
    const queue = await newQueue();
    await submit({ queue });
    const { lease } = await claimOne(queue);
    const answer = await call<JobView>("POST", `/v1/leases/${lease}/succeed`);
    expect(answer).toMatchObject({ status: 200, body: { state: "succeeded", result: null } });
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
  });
});

describe("extending", () => {
  it("moves the end of the same lease", async () => {
    const queue = await newQueue({ timeout: 600 });
    const { id } = await submit({ queue });
    const { lease } = await claimOne(queue, { leaseSeconds: 5 });
    const answer = await must("POST", `/v1/leases/${lease}/extend`, { body: { leaseSeconds: 100 } });
    const { leaseExpiresAt, cancelled } = ExtendView.parse(answer);
    expect(cancelled).toBe(false);
    expect(Date.parse(leaseExpiresAt ?? "") - Date.now()).toBeGreaterThan(95_000);
    await evict();
    expect((await getJob(id)).leaseExpiresAt).toBe(leaseExpiresAt);
    passTime(50_000);
    await runAlarms();
    expect((await succeed(lease)).status).toBe(200);
  });

  it("a lease that has ended is stale, and its job goes on", async () => {
    const queue = await newQueue({ retry: { delay: 0 } });
    await submit({ queue });
    const { lease } = await claimOne(queue, { leaseSeconds: 5 });
    passTime(6000);
    expect(await call("POST", `/v1/leases/${lease}/extend`, { body: { leaseSeconds: 5 } })).toMatchObject({
      status: 409,
      body: { code: "stale-lease" },
    });
    await evict();
    expect((await claimOne(queue)).attempt).toBe(2);
  });
});
