import { afterEach, describe, expect, it } from "vitest";
import { PurgeView, RedriveView } from "../../contract/dead-letters.ts";
import type { JobListView } from "../../contract/job.ts";
import { QueueListView, type QueueSettingsView, QueueStatsView, QueueView } from "../../contract/queue.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  fail,
  freshName,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

const DEFAULTS: QueueSettingsView = {
  target: { type: "pull" },
  partitions: 16,
  lane: "default",
  concurrency: null,
  rate: null,
  perKeyConcurrency: null,
  perKeyRate: null,
  weight: 1,
  priorityAging: 3600,
  maxBacklog: null,
  onFailure: "continue",
  retry: { maxAttempts: 12, backoff: "exponential", delay: 10, maxDelay: 3600, jitter: "half" },
  maxDeferral: 86_400,
  timeout: 60,
  retention: 604_800,
  idempotencyWindow: 86_400,
  history: "all",
  keepPayload: true,
  consistency: "strong",
  paused: false,
};

describe("settings", () => {
  it("are created with 201, replaced with 200, and readable at once", async () => {
    const name = freshName();
    const created = await call<QueueView>("PUT", `/v1/queues/${name}`, { body: {} });
    expect(created).toMatchObject({ status: 201, body: { name, ...DEFAULTS, version: 1 } });
    expect(QueueView.parse(created.body)).toEqual(created.body);
    expect((await call("GET", `/v1/queues/${name}`)).body).toEqual(created.body);
    const replaced = await call<QueueView>("PUT", `/v1/queues/${name}`, { body: { timeout: 5, lane: "slow" } });
    expect(replaced).toMatchObject({ status: 200, body: { ...DEFAULTS, timeout: 5, lane: "slow", version: 2 } });
    expect(replaced.body.createdAt).toBe(created.body.createdAt);
    await evict();
    expect((await call("GET", `/v1/queues/${name}`)).body).toEqual(replaced.body);
    expect(await submit({ queue: name })).toMatchObject({ timeout: 5 });
  });

  it("that are left out get their default, but for `paused` and `partitions`, which stay", async () => {
    const name = await newQueue({ timeout: 5, concurrency: 3, retry: { delay: 9 }, paused: true });
    expect(await putQueue(name, {})).toMatchObject({ ...DEFAULTS, paused: true, partitions: 1 });
    expect(await putQueue(name, { paused: false, partitions: 16 })).toMatchObject(DEFAULTS);
  });

  it("without a target make no pull queue of one that pushes, as long as it has unfinished jobs", async () => {
    const target = { type: "handler", name: "noop" } as const;
    const name = await newQueue({ target });
    const { id } = await submit({ queue: name, delay: 3600 });
    const refused = await call("PUT", `/v1/queues/${name}`, { body: { timeout: 5 } });
    expect(refused).toMatchObject({ status: 409, body: { code: "queue-has-jobs", errors: [{ pointer: "/target" }] } });
    expect(refused.body.detail).toMatch(/1 unfinished job .*"handler".*"target".*PATCH/);
    // The refusal left the queue as it was, and open.
    expect(await must("GET", `/v1/queues/${name}`)).toMatchObject({ target, timeout: 60, version: 1 });
    await submit({ queue: name, delay: 3600 });
    expect(await must("PATCH", `/v1/queues/${name}`, { body: { timeout: 5 } })).toMatchObject({ target, timeout: 5 });
    expect(await putQueue(name, { target, timeout: 6 })).toMatchObject({ target, timeout: 6 });
    await must("POST", `/v1/queues/${name}/purge`);
    await evict();
    expect(await putQueue(name, { timeout: 7 })).toMatchObject({ target: { type: "pull" }, timeout: 7 });
    expect((await getJob(id)).state).toBe("cancelled");
  });

  it("with another target take it, whatever jobs there are", async () => {
    const name = await newQueue({ target: { type: "handler", name: "noop" } });
    await submit({ queue: name, delay: 3600 });
    expect(await putQueue(name, { target: { type: "pull" } })).toMatchObject({ target: { type: "pull" } });
  });

  it("act on the next submission of every shard", async () => {
    const queue = await newQueue({ timeout: 10 });
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    for (const orderingKey of keys) await submit({ queue, orderingKey });
    await putQueue(queue, { timeout: 20 });
    for (const orderingKey of keys) expect((await submit({ queue, orderingKey })).timeout).toBe(20);
  });

  it("of default exist from the start and can be changed but not deleted", async () => {
    const key = (await makeKey(["admin"], await makeNamespace("fresh-tenant"))).key;
    expect(await must("GET", "/v1/queues/default", { key })).toMatchObject({ name: "default", ...DEFAULTS });
    expect(await call("DELETE", "/v1/queues/default", { key })).toMatchObject({ status: 409 });
    expect((await call("PUT", "/v1/queues/default", { body: { timeout: 7 }, key })).status).toBe(200);
    expect(await submit({}, { key })).toMatchObject({ queue: "default", timeout: 7 });
  });

  it("of many writers at once all get through, each with a version of its own", async () => {
    const name = await newQueue();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => call<QueueView>("PUT", `/v1/queues/${name}`, { body: { timeout: i + 1 } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(new Set(answers.map(({ body }) => body.version)).size).toBe(10);
  });

  it("default to one partition where a limit is set", async () => {
    expect(await putQueue(freshName(), { concurrency: 5 })).toMatchObject({ partitions: 1, concurrency: 5 });
    expect(await putQueue(freshName(), { concurrency: 32, partitions: 32 })).toMatchObject({ partitions: 32 });
  });

  it.each([
    [{ concurrency: 15, partitions: 16 }, "limit-below-partitions"],
    [{ target: { type: "handler", name: "nobody" } }, "handler-not-found"],
  ])("that cannot work are refused with 422: %j", async (body, code) => {
    const name = freshName();
    expect(await call("PUT", `/v1/queues/${name}`, { body })).toMatchObject({ status: 422, body: { code } });
    expect((await call("GET", `/v1/queues/${name}`)).status).toBe(404);
  });

  it.each([
    [{ target: { type: "handler", name: "noop" }, timeout: 901 }],
    [{ target: { type: "http", url: "https://example.com/" }, timeout: 86_400 }],
  ])("push no longer than 15 minutes: %j", async (body) => {
    const refused = await call("PUT", `/v1/queues/${freshName()}`, { body });
    expect(refused).toMatchObject({
      status: 400,
      body: { code: "invalid-request", errors: [{ pointer: "/timeout" }] },
    });
  });

  it("a job's own timeout may not be longer than its queue's target can run", async () => {
    const push = await newQueue({ target: { type: "handler", name: "noop" } });
    expect((await submit({ queue: push, timeout: 900 })).timeout).toBe(900);
    expect(await call("POST", "/v1/jobs", { body: { queue: push, payload: 1, timeout: 900.5 } })).toMatchObject({
      status: 422,
      body: { code: "timeout-too-long" },
    });
    expect((await submit({ queue: await newQueue(), timeout: 86_400 })).timeout).toBe(86_400);
  });

  it("the number of partitions cannot change while the queue has live jobs", async () => {
    const queue = await newQueue({ partitions: 4 });
    const { id } = await submit({ queue });
    expect(await call("PUT", `/v1/queues/${queue}`, { body: { partitions: 8 } })).toMatchObject({ status: 409 });
    // The refusal left the queue as it was, and open.
    expect(await must("GET", `/v1/queues/${queue}`)).toMatchObject({ partitions: 4, version: 1 });
    expect((await submit({ queue })).state).toBe("queued");
    await must("POST", `/v1/queues/${queue}/purge`);
    await evict();
    expect((await call("PUT", `/v1/queues/${queue}`, { body: { partitions: 8 } })).status).toBe(200);
    expect((await getJob(id)).state).toBe("cancelled");
    expect((await submit({ queue })).state).toBe("queued");
  });

  it("a limit can be set while there are live jobs, where it can be divided over the partitions", async () => {
    const queue = await newQueue();
    await submit({ queue });
    expect(await putQueue(queue, { concurrency: 16 })).toMatchObject({ concurrency: 16, partitions: 16 });
    const body = { rate: { limit: 5, period: 1 } };
    const refused = await call("PUT", `/v1/queues/${queue}`, { body });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: "limit-below-partitions", errors: [{ pointer: "/rate/limit" }] },
    });
    expect(refused.body.detail).toMatch(/rate of 5 .*16 partitions.*1 unfinished job.*at least 16.*"partitions" of 5/);
    expect(await call("PUT", `/v1/queues/${queue}`, { body: { ...body, partitions: 5 } })).toMatchObject({
      status: 409,
      body: { code: "queue-has-jobs", errors: [{ pointer: "/partitions" }] },
    });
    const patched = await call("PATCH", `/v1/queues/${queue}`, { body });
    expect(patched).toMatchObject({ status: 422, body: { detail: refused.body.detail, errors: refused.body.errors } });
    expect(await must("GET", `/v1/queues/${queue}`)).toMatchObject({ rate: null, partitions: 16, version: 2 });
    await must("POST", `/v1/queues/${queue}/purge`);
    await evict();
    // Nothing depends on the partitions any more: the limit gets the one that is its default.
    expect(await putQueue(queue, body)).toMatchObject({ rate: body.rate, partitions: 1 });
  });

  it("a patch keeps the partitions, and is told how a limit goes with them", async () => {
    const queue = await newQueue({ concurrency: 32, partitions: 32 });
    const path = `/v1/queues/${queue}`;
    const lower = await call("PATCH", path, { body: { concurrency: 5 } });
    expect(lower).toMatchObject({ status: 422, body: { errors: [{ pointer: "/concurrency" }] } });
    expect(lower.body.detail).toMatch(/32 partitions: send "partitions" of 5 or less.*at least 32/);
    const more = await call("PATCH", path, { body: { partitions: 64 } });
    expect(more).toMatchObject({ status: 422, body: { errors: [{ pointer: "/partitions" }] } });
    expect(await must("PATCH", path, { body: { concurrency: 5, partitions: 5 } })).toMatchObject({ partitions: 5 });
    expect(await must("PATCH", path, { body: { partitions: null } })).toMatchObject({ partitions: 1, concurrency: 5 });
    expect(await must("PATCH", path, { body: { concurrency: null } })).toMatchObject({ partitions: 1 });
  });

  it("a patch gives a target of another type whole, and changes members of one", async () => {
    const queue = await newQueue({ target: { type: "http", url: "https://a.example/", headers: { a: "1", b: "2" } } });
    const path = `/v1/queues/${queue}`;
    const patch = (target: unknown) => call<QueueView>("PATCH", path, { body: { target } });
    expect((await patch({ headers: { a: null, c: "3" } })).body.target).toEqual({
      type: "http",
      url: "https://a.example/",
      headers: { b: "***", c: "***" },
    });
    expect((await patch({ type: "handler", name: "noop" })).body.target).toEqual({ type: "handler", name: "noop" });
    expect(await patch({ type: "http" })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/target/url", detail: expect.stringMatching(/^url is missing: it is /) }] },
    });
    expect((await patch(null)).body.target).toEqual({ type: "pull" });
  });

  it("a patch sets null where that is a value, and the default elsewhere", async () => {
    const queue = await newQueue({ priorityAging: 60, timeout: 5, retry: { delay: 9, maxAttempts: 2 } });
    const body = { priorityAging: null, timeout: null, retry: { delay: null } };
    expect(await must("PATCH", `/v1/queues/${queue}`, { body })).toMatchObject({
      priorityAging: null,
      maxDeferral: 86_400,
      timeout: 60,
      retry: { delay: 10, maxAttempts: 2 },
    });
  });

  it("a patch of `default` works from the start", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("patched"));
    const options = { body: { timeout: 9 }, key, headers: { "if-match": '"0"' } };
    expect(await call("PATCH", "/v1/queues/default", options)).toMatchObject({ status: 200, body: { version: 1 } });
    expect((await submit({}, { key })).timeout).toBe(9);
  });

  it("writers that meet get different versions, and the last one stands", async () => {
    const name = freshName();
    const timeouts = Array.from({ length: 4 }, (_, i) => i + 1);
    const answers = await Promise.all(
      timeouts.map((timeout) => call<QueueView>("PUT", `/v1/queues/${name}`, { body: { timeout } })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.map(({ body }) => body.version).sort()).toEqual([1, 2, 3, 4]);
    const last = answers.find(({ body }) => body.version === 4)?.body;
    await evict();
    expect(await must("GET", `/v1/queues/${name}`)).toEqual(last);
    expect((await submit({ queue: name })).timeout).toBe(last?.timeout);
  });
});

describe("deleting", () => {
  it("is refused while there are live jobs, and then done", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    expect(await call("DELETE", `/v1/queues/${queue}`)).toMatchObject({
      status: 409,
      body: { code: "queue-has-jobs" },
    });
    expect((await submit({ queue })).state).toBe("queued");
    for (const { lease } of await claim(queue)) await succeed(lease, "kept");
    await evict();
    expect(await call("DELETE", `/v1/queues/${queue}`)).toMatchObject({ status: 204, body: undefined });
    await evict();
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["GET", "/stats"],
      ["POST", "/pause"],
      ["POST", "/claim"],
      ["POST", "/purge"],
    ]) {
      expect(await call(method ?? "", `/v1/queues/${queue}${path}`)).toMatchObject({
        status: 404,
        body: { code: "queue-not-found" },
      });
    }
    expect(await call("POST", "/v1/jobs", { body: { queue, payload: 1 } })).toMatchObject({
      status: 404,
      body: { code: "queue-not-found" },
    });
    // Finished jobs stay until retention ends.
    expect(await getJob(id)).toMatchObject({ state: "succeeded", result: "kept" });
  });

  it("a queue made again under the name is a new one", async () => {
    const queue = await newQueue({ timeout: 5 });
    await must("DELETE", `/v1/queues/${queue}`);
    const again = await call<QueueView>("PUT", `/v1/queues/${queue}`, { body: {} });
    expect(again).toMatchObject({ status: 201, body: DEFAULTS });
    expect(await submit({ queue })).toMatchObject({ timeout: 60 });
    expect(await claim(queue)).toHaveLength(1);
  });
});

describe("pausing", () => {
  it("acts at once on all shards, and resuming too", async () => {
    const queue = await newQueue();
    for (let i = 0; i < 10; i++) await submit({ queue, orderingKey: `k${i}` });
    expect(await call("POST", `/v1/queues/${queue}/pause`)).toMatchObject({
      status: 200,
      body: { paused: true, version: 2 },
    });
    expect(await claim(queue, { max: 20 })).toEqual([]);
    expect((await submit({ queue })).state).toBe("queued");
    await evict();
    expect(await claim(queue, { max: 20 })).toEqual([]);
    expect(await call("POST", `/v1/queues/${queue}/pause`)).toMatchObject({ status: 200, body: { paused: true } });
    expect(await call("POST", `/v1/queues/${queue}/resume`)).toMatchObject({ status: 200, body: { paused: false } });
    expect(await claim(queue, { max: 20 })).toHaveLength(11);
  });

  it("a job that runs goes on, and may be reported", async () => {
    const queue = await newQueue();
    await submit({ queue });
    const { lease } = await claimOne(queue);
    await must("POST", `/v1/queues/${queue}/pause`);
    expect((await succeed(lease)).status).toBe(200);
  });
});

describe("the list of queues", () => {
  it("has every queue of the namespace and no other, in pages", async () => {
    const { key } = await makeKey(["admin"], await makeNamespace("lister"));
    const names = ["a", "b.c", "e-1", "z_2"];
    for (const name of names) await putQueue(name, {}, key);
    await putQueue("gone", {}, key);
    await must("DELETE", "/v1/queues/gone", { key });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: QueueListView = QueueListView.parse(await must("GET", `/v1/queues?limit=2${next}`, { key }));
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.sort()).toEqual(["a", "b.c", "default", "e-1", "z_2"]);
  });
});

describe("stats", () => {
  it("count jobs by state, before and after history has them", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    for (let i = 0; i < 5; i++) await submit({ queue });
    const first = await claimOne(queue);
    const second = await claimOne(queue);
    await claimOne(queue);
    await succeed(first.lease);
    await fail(second.lease);
    await submit({ queue, delay: 100 });
    const { id } = await submit({ queue, delay: 100 });
    await must("POST", `/v1/jobs/${id}/cancel`);
    const stats = async () => {
      const answer = await must("GET", `/v1/queues/${queue}/stats`);
      expect(QueueStatsView.parse(answer)).toEqual(answer);
      return answer as QueueStatsView;
    };
    const counts = { scheduled: 1, queued: 2, running: 1, succeeded: 1, failed: 1, cancelled: 1 };
    const before = await stats();
    expect(before).toMatchObject({ queue, counts, inFlight: 1 });
    expect(before.perSecond.accepted).toBeGreaterThan(0);
    expect(before.latencyMs.p99).not.toBeNull();
    expect(Date.parse(before.oldestQueuedAt ?? "")).toBeLessThanOrEqual(Date.now());
    await project();
    expect((await stats()).counts).toEqual(counts);
    await evict();
    expect((await stats()).counts).toEqual(counts);
    passTime(3_601_000);
    await runAlarms();
    // The runtime may have begun the alarm by itself: then it is not run here, and goes on beside this.
    await expect
      .poll(async () => (await stats()).counts)
      .toMatchObject({ succeeded: 1, failed: 2, cancelled: 1, running: 0 });
  });
});

describe("purging", () => {
  it("cancels all queued and scheduled jobs and leaves running ones", async () => {
    const queue = await newQueue();
    const jobs = Array.from({ length: 250 }, (_, i) => ({
      queue,
      payload: i,
      ...(i % 5 === 0 ? { orderingKey: `k${i % 2}` } : {}),
      ...(i % 7 === 0 ? { delay: 60 } : {}),
    }));
    await must("POST", "/v1/batches", { body: { jobs } });
    const running = await claim(queue, { max: 3 });
    const answer = await must("POST", `/v1/queues/${queue}/purge`);
    expect(PurgeView.parse(answer)).toEqual({ cancelled: 247 });
    await evict();
    const { counts } = await must<QueueStatsView>("GET", `/v1/queues/${queue}/stats`);
    expect(counts).toMatchObject({ queued: 0, scheduled: 0, running: 3, cancelled: 247 });
    for (const { lease } of running) expect((await succeed(lease)).status).toBe(200);
    expect(await must("POST", `/v1/queues/${queue}/purge`)).toEqual({ cancelled: 0 });
  });
});

describe("redriving", () => {
  async function failedQueue() {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    for (const [code, tags] of [
      ["a", ["x"]],
      ["a", ["y"]],
      ["b", ["x"]],
    ] as const) {
      await submit({ queue, tags });
      await fail((await claimOne(queue)).lease, { code });
    }
    const { id } = await submit({ queue });
    await must("POST", `/v1/jobs/${id}/cancel`);
    await evict();
    return queue;
  }

  it("runs failed jobs again, not cancelled ones", async () => {
    const queue = await failedQueue();
    const answer = await must("POST", `/v1/queues/${queue}/redrive`, { body: {} });
    expect(RedriveView.parse(answer)).toEqual({ matched: 3, redriven: 3, skipped: 0, more: false });
    await evict();
    expect(await claim(queue)).toHaveLength(3);
    expect(await must("POST", `/v1/queues/${queue}/redrive`)).toMatchObject({ matched: 0, redriven: 0 });
  });

  it.each([
    [{ errorCode: "a" }, 2],
    [{ tag: "x" }, 2],
    [{ errorCode: "a", tag: "x" }, 1],
    [{ errorCode: "none" }, 0],
    [{ finishedBefore: "2020-01-01T00:00:00Z" }, 0],
    [{ finishedBefore: "2099-01-01T00:00:00Z" }, 3],
    [{}, 3],
  ])("by filter %j, and a dry run changes nothing", async (filter, matched) => {
    const queue = await failedQueue();
    expect(await must("POST", `/v1/queues/${queue}/redrive`, { body: { filter, dryRun: true } })).toMatchObject({
      matched,
      redriven: 0,
    });
    expect(await claim(queue)).toEqual([]);
    expect(await must("POST", `/v1/queues/${queue}/redrive`, { body: { filter } })).toMatchObject({
      matched,
      redriven: matched,
    });
    await evict();
    expect(await claim(queue)).toHaveLength(matched);
  });

  it("at a rate, spaces the starts", async () => {
    const queue = await failedQueue();
    expect(await must("POST", `/v1/queues/${queue}/redrive`, { body: { ratePerSecond: 0.1 } })).toMatchObject({
      matched: 3,
      redriven: 3,
    });
    await evict();
    const { items } = await must<JobListView>("GET", `/v1/jobs?queue=${queue}`);
    const starts = items
      .filter(({ state }) => state !== "cancelled")
      .map(({ runAt }) => Date.parse(runAt))
      .sort();
    expect((starts[2] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(19_000);
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(9000);
  });
});

describe("concurrency", () => {
  it("is never exceeded, also when many claim at once and leases expire", async () => {
    const queue = await newQueue({ concurrency: 6, partitions: 3, retry: { delay: 0 }, timeout: 20 });
    const jobs = Array.from({ length: 40 }, (_, i) => ({
      queue,
      payload: i,
      ...(i % 4 ? {} : { orderingKey: `k${i}` }),
    }));
    await must("POST", "/v1/batches", { body: { jobs } });
    let started = 0;
    for (let round = 0; round < 4; round++) {
      const claims = (await Promise.all(Array.from({ length: 6 }, () => claim(queue, { max: 5 })))).flat();
      const { inFlight } = await must<QueueStatsView>("GET", `/v1/queues/${queue}/stats`);
      expect(inFlight).toBeLessThanOrEqual(6);
      expect(claims.length).toBeLessThanOrEqual(6);
      started += claims.length;
      for (const { lease } of claims.slice(1)) await succeed(lease);
      await evict();
      passTime(21_000);
      await runAlarms();
    }
    expect(started).toBeGreaterThan(12);
  });

  it("that is set while jobs run counts those", async () => {
    const queue = await newQueue({ partitions: 1 });
    for (let i = 0; i < 6; i++) await submit({ queue });
    const running = await claim(queue, { max: 3 });
    await putQueue(queue, { concurrency: 2, partitions: 1 });
    await evict();
    expect(await claim(queue)).toEqual([]);
    await succeed(running[0]?.lease ?? "");
    expect(await claim(queue)).toEqual([]);
    await succeed(running[1]?.lease ?? "");
    expect(await claim(queue)).toHaveLength(1);
  });
});
