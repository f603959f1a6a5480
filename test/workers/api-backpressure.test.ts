import { afterEach, describe, expect, it } from "vitest";
import { BatchView } from "../../contract/batch.ts";
import { QueueStatsView } from "../../contract/queue.ts";
import { call, claim, claimOne, evict, fail, must, newQueue, type Problem, submit, succeed } from "./api.ts";
import { passTime, resetClock } from "./clock.ts";

afterEach(resetClock);

const send = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  call<Problem & { retryAfter?: number }>("POST", "/v1/jobs", { body: { payload: null, ...body }, headers });

const batch = (jobs: unknown[], atomic = false) =>
  call<BatchView & Problem & { retryAfter?: number }>("POST", "/v1/batches", { body: { atomic, jobs } });

const jobsOf = (queue: string, count: number) => Array.from({ length: count }, (_, payload) => ({ queue, payload }));

describe("a full backlog", () => {
  it("refuses with 429 and an honest Retry-After; room lets the next in", async () => {
    const queue = await newQueue({ maxBacklog: 3 });
    for (let i = 0; i < 3; i++) await submit({ queue });
    await evict();
    const refused = await send({ queue });
    expect(refused).toMatchObject({
      status: 429,
      body: { type: "/problems/backlog-full", code: "backlog-full", retryAfter: 60 },
    });
    expect(refused.headers.get("retry-after")).toBe("60");
    await claimOne(queue);
    expect((await send({ queue })).status).toBe(202);
    // One start since the object woke, a moment ago: the next is expected soon.
    const after = await send({ queue });
    expect(after.status).toBe(429);
    expect(Number(after.headers.get("retry-after"))).toBeLessThan(60);
    passTime(120_000);
    expect((await send({ queue })).headers.get("retry-after")).toBe("60");
  });

  it("refuses low priorities first", async () => {
    const queue = await newQueue({ maxBacklog: 10 });
    for (let i = 0; i < 6; i++) await submit({ queue });
    const statuses = [];
    for (const priority of [0, 1, 1, 2, 2, 3, 3, 4, 9]) statuses.push((await send({ queue, priority })).status);
    expect(statuses).toEqual([429, 202, 429, 202, 429, 202, 429, 202, 429]);
  });

  it("never refuses a replay", async () => {
    const queue = await newQueue({ maxBacklog: 1 });
    const first = await submit({ queue, idempotencyKey: "k" });
    const again = await call<{ id: string }>("POST", "/v1/jobs", {
      body: { queue, payload: null, idempotencyKey: "k" },
    });
    expect(again).toMatchObject({ status: 200, body: { id: first.id } });
    expect((await send({ queue, idempotencyKey: "other" })).status).toBe(429);
    await claimOne(queue);
    expect((await send({ queue, idempotencyKey: "other" })).status).toBe(202);
  });

  it("does not stand in the way of retries and redrives", async () => {
    const queue = await newQueue({ maxBacklog: 1, retry: { delay: 100 } });
    const failed = await submit({ queue });
    const first = await claimOne(queue);
    await submit({ queue });
    const second = await claimOne(queue);
    await submit({ queue });
    await fail(first.lease, { retryable: false });
    expect((await fail(second.lease)).body).toMatchObject({ state: "scheduled" });
    await must("POST", `/v1/jobs/${failed.id}/retry`);
    expect((await send({ queue })).status).toBe(429);
    const stats = QueueStatsView.parse(await must("GET", `/v1/queues/${queue}/stats`));
    expect(stats.backlog).toEqual({ waiting: 3, max: 1 });
  });

  it("counts over all partitions and shards what it may, and no more", async () => {
    const queue = await newQueue({ maxBacklog: 40, partitions: 8 });
    let accepted = 0;
    for (let round = 0; round < 4; round++) {
      const { body } = await batch(jobsOf(queue, 50));
      accepted += body.accepted ?? 0;
    }
    expect(accepted).toBe(40);
    expect((await claim(queue, { max: 100 })).length).toBe(40);
  });

  it("shows in stats and metrics", async () => {
    const open = await newQueue();
    await submit({ queue: open, delay: 1000 });
    expect(QueueStatsView.parse(await must("GET", `/v1/queues/${open}/stats`)).backlog).toEqual({
      waiting: 1,
      max: null,
    });
    const refusals = async () => {
      // A scrape is remembered for five seconds.
      passTime(5_001);
      const text = await must<string>("GET", "/metrics");
      return Number(/^dure_jobs_refused_total (\d+)$/m.exec(text)?.[1]);
    };
    const queue = await newQueue({ maxBacklog: 1 });
    await submit({ queue });
    const before = await refusals();
    await send({ queue });
    await batch(jobsOf(queue, 2));
    expect((await refusals()) - before).toBe(3);
  });
});

describe("a batch", () => {
  it("loses only the jobs that found no room", async () => {
    const queue = await newQueue({ maxBacklog: 3 });
    const other = await newQueue();
    const { status, body } = await batch([...jobsOf(queue, 5), { queue: other, payload: 1 }]);
    expect(status).toBe(202);
    const view = BatchView.parse(body);
    expect(view.accepted).toBe(4);
    expect(view.items.map((item) => ("id" in item ? item.state : item.problem.code))).toEqual([
      "queued",
      "queued",
      "queued",
      "backlog-full",
      "backlog-full",
      "queued",
    ]);
    expect(view.items[3]).toMatchObject({ problem: { status: 429, retryAfter: 60 } });
  });

  it("of which nothing found room is a 429, with what each was told", async () => {
    const queue = await newQueue({ maxBacklog: 1 });
    await submit({ queue });
    const answer = await batch(jobsOf(queue, 3));
    expect(answer).toMatchObject({ status: 429, body: { code: "backlog-full", accepted: 0, retryAfter: 60 } });
    expect(answer.headers.get("retry-after")).toBe("60");
    expect(answer.body.items).toHaveLength(3);
    const mixed = await batch([...jobsOf(queue, 1), { queue, payload: 1, priority: 99 }]);
    expect(mixed).toMatchObject({ status: 422, body: { code: "batch-refused" } });
  });

  it("that is atomic is refused whole with 429", async () => {
    const queue = await newQueue({ maxBacklog: 3 });
    await submit({ queue });
    const answer = await batch(jobsOf(queue, 3), true);
    expect(answer).toMatchObject({ status: 429, body: { code: "backlog-full" } });
    expect(answer.headers.get("retry-after")).toBe("60");
    await evict();
    const stats = await must<QueueStatsView>("GET", `/v1/queues/${queue}/stats`);
    expect(stats.backlog).toEqual({ waiting: 1, max: 3 });
    expect((await batch(jobsOf(queue, 2), true)).status).toBe(202);
  });

  it("with an Idempotency-Key of which nothing found room may be sent again", async () => {
    const queue = await newQueue({ maxBacklog: 1 });
    await submit({ queue });
    const again = () =>
      call<BatchView>("POST", "/v1/batches", {
        body: { jobs: jobsOf(queue, 1) },
        headers: { "idempotency-key": `batch-${queue}` },
      });
    expect((await again()).status).toBe(429);
    await succeed((await claimOne(queue)).lease);
    expect(await again()).toMatchObject({ status: 202, body: { accepted: 1 } });
  });
});

describe("settings", () => {
  it("a backlog below the number of partitions cannot be divided", async () => {
    const queue = await newQueue();
    const body = { maxBacklog: 4, partitions: 8 };
    expect(await call("PUT", `/v1/queues/${queue}`, { body })).toMatchObject({
      status: 422,
      body: { code: "limit-below-partitions", errors: [{ pointer: "/maxBacklog" }] },
    });
  });
});
