import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { FailureListView, type FailureView, PurgeView, RedriveView } from "../../contract/dead-letters.ts";
import type { JobView } from "../../contract/job.ts";
import type { QueueInput, QueueStatsView } from "../../contract/queue.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  existingAnywhere,
  fail,
  getJob,
  makeKey,
  makeNamespace,
  must,
  newQueue,
  putQueue,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { callThrough, faultyShards } from "./faults.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

const ONCE: QueueInput = { retry: { maxAttempts: 1 } };

/** A job that failed for good. */
async function failed(queue: string, message: string, body: Record<string, unknown> = {}): Promise<string> {
  const { id } = await submit({ queue, ...body });
  const { lease, ...job } = await claimOne(queue);
  expect(job.id).toBe(id);
  await fail(lease, { message });
  return id;
}

/** Failed jobs that history alone has. */
async function forgotten(queue: string, count: number, payload: unknown = null): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await failed(queue, `no ${i}`, { payload }));
  await project();
  passTime(90_000);
  for (let i = 0; i < 3; i++) await runAlarms();
  for (const id of ids) expect(await isExisting(id)).toBe(false);
  return ids;
}

async function isExisting(id: string): Promise<boolean> {
  return (await existingAnywhere([id])).length > 0;
}

const redrive = (queue: string, body: Record<string, unknown> = {}) =>
  must<RedriveView>("POST", `/v1/queues/${queue}/redrive`, { body });

const failures = async (queue: string, query = "") => {
  const page = await must<{ items: FailureView[]; nextCursor: string | null }>(
    "GET",
    `/v1/queues/${queue}/failures${query}`,
  );
  expect(FailureListView.parse(page)).toEqual(page);
  return page;
};

describe("failures", () => {
  it("are told by kind over all shards, the most frequent first, by page", async () => {
    const queue = await newQueue(ONCE);
    for (const [message, times] of [
      ["timeout after 30 ms", 2],
      ["user 'ada' not found", 3],
      ["boom", 1],
    ] as const) {
      for (let i = 0; i < times; i++) await failed(queue, message, { orderingKey: `k${i}` });
    }
    await evict();
    const all = await failures(queue);
    expect(all.items.map(({ message, count }) => [message, count])).toEqual([
      ["user <text> not found", 3],
      ["timeout after <n> ms", 2],
      ["boom", 1],
    ]);
    expect(all.items[0]).toMatchObject({ code: "broken", first: expect.any(String), last: expect.any(String) });
    expect((await getJob(all.items[0]?.sample ?? "")).error?.message).toBe("user 'ada' not found");
    const first = await failures(queue, "?limit=2");
    const second = await failures(queue, `?limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items]).toEqual(all.items);
    expect(second.nextCursor).toBeNull();
    const other = await newQueue(ONCE);
    expect((await call("GET", `/v1/queues/${other}/failures?cursor=${first.nextCursor}`)).status).toBe(400);
    expect((await call("GET", "/v1/queues/nobody/failures")).status).toBe(404);
  });

  it("need scopes, and belong to a namespace", async () => {
    const queue = await newQueue(ONCE);
    const read = (await makeKey(["read"])).key;
    expect((await call("GET", `/v1/queues/${queue}/failures`, { key: read })).status).toBe(200);
    expect((await call("POST", `/v1/queues/${queue}/redrive`, { key: read })).status).toBe(403);
    expect((await call("POST", `/v1/queues/${queue}/purge`, { key: read, body: { failed: true } })).status).toBe(403);
    const stranger = (await makeKey(["admin", "read"], await makeNamespace("dead-stranger"))).key;
    for (const [method, path] of [
      ["GET", "failures"],
      ["POST", "redrive"],
      ["POST", "purge"],
    ] as const) {
      expect((await call(method, `/v1/queues/${queue}/${path}`, { key: stranger })).status).toBe(404);
    }
  });
});

describe("a redrive", () => {
  it("takes one kind of failure by its fingerprint, with a patched payload", async () => {
    const queue = await newQueue(ONCE);
    const id = await failed(queue, "missing field 7", { payload: { a: 1, b: { c: 2 } } });
    await failed(queue, "other");
    const { items } = await failures(queue);
    const fingerprint = items.find(
      ({ code, message }) => code === "broken" && message.startsWith("missing"),
    )?.fingerprint;
    const body = { filter: { fingerprint }, patch: { b: { d: 3 }, a: null } };
    expect(await redrive(queue, { ...body, dryRun: true })).toEqual({
      matched: 1,
      redriven: 0,
      skipped: 0,
      more: false,
    });
    expect(RedriveView.parse(await redrive(queue, body))).toEqual({ matched: 1, redriven: 1, skipped: 0, more: false });
    const [claimed] = await claim(queue);
    expect(claimed).toMatchObject({ id, payload: { b: { c: 2, d: 3 } } });
    expect(await redrive(queue, body)).toMatchObject({ matched: 0 });
  });

  it.each([
    [{ filter: { fingerprint: "x" } }, "/filter/fingerprint"],
    [{ filter: { orderingKey: "" } }, "/filter/orderingKey"],
    [{ unknown: 1 }, "/unknown"],
  ])("with a bad body is refused: %j", async (body, pointer) => {
    const queue = await newQueue(ONCE);
    const refused = await call("POST", `/v1/queues/${queue}/redrive`, { body });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
  });

  it("into another queue makes new jobs there and discards the old ones, once", async () => {
    const queue = await newQueue(ONCE);
    const target = await newQueue({ timeout: 7, partitions: 3 });
    const ids = [
      await failed(queue, "x", { payload: { n: 1 }, tags: ["t"], orderingKey: "k", priority: 7 }),
      await failed(queue, "x", { payload: { n: 2 } }),
    ];
    const body = { queue: target, patch: { moved: true } };
    expect(await redrive(queue, body)).toEqual({ matched: 2, redriven: 2, skipped: 0, more: false });
    expect(await redrive(queue, body)).toEqual({ matched: 0, redriven: 0, skipped: 0, more: false });
    await evict();
    for (const id of ids) expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    const jobs = await claim(target);
    expect(jobs.map(({ payload }) => payload)).toHaveLength(2);
    expect(jobs).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          queue: target,
          payload: { n: 1, moved: true },
          tags: ["t"],
          orderingKey: "k",
          priority: 7,
          timeout: 7,
          attempt: 1,
        }),
      ]),
    );
    for (const { id } of jobs) expect(ids).not.toContain(id);
    const list = await must<{ items: { id: string }[] }>("GET", `/v1/jobs?queue=${target}`);
    expect(list.items).toHaveLength(2);
  });

  it.each(["before", "after"] as const)(
    "into another queue makes one job of each, when it dies %s the burial",
    async (when) => {
      const queue = await newQueue(ONCE);
      const target = await newQueue();
      const id = await failed(queue, "x");
      const { SHARD } = faultyShards({ method: "discardMoved", when });
      const path: [string, string] = ["POST", `/v1/queues/${queue}/redrive`];
      expect((await callThrough({ ...env, SHARD }, path, { body: { queue: target } })).status).toBe(503);
      const done = await claimOne(target);
      await succeed(done.lease);
      await project();
      passTime(4_000_000);
      for (let i = 0; i < 3; i++) await runAlarms();
      expect(await isExisting(done.id)).toBe(false);
      await redrive(queue, { queue: target });
      expect([await claim(target), (await call("GET", `/v1/jobs/${id}`)).status]).toEqual([[], 404]);
    },
  );

  it("into two queues at once takes each job to one of them, and its own queue to none", async () => {
    const queue = await newQueue(ONCE);
    const [one, two] = [await newQueue(), await newQueue()];
    for (let i = 0; i < 12; i++) await failed(queue, `n${i}`);
    const answers = await Promise.all([
      redrive(queue, { queue: one }),
      redrive(queue, { queue: two }),
      redrive(queue),
      redrive(queue, { queue: two }),
    ]);
    const there = [await claim(queue, { max: 100 }), await claim(one, { max: 100 }), await claim(two, { max: 100 })];
    expect(there.flat().map(({ payload }) => payload)).toHaveLength(12);
    expect(answers.length).toBe(4);
  });

  it("that died on its way keeps the jobs for the queue it was taking them to", async () => {
    const queue = await newQueue(ONCE);
    const [target, other] = [await newQueue(), await newQueue()];
    const id = await failed(queue, "x");
    const { SHARD } = faultyShards({ method: "submit", when: "before" });
    const path: [string, string] = ["POST", `/v1/queues/${queue}/redrive`];
    expect((await callThrough({ ...env, SHARD }, path, { body: { queue: target } })).status).toBe(503);
    expect(await redrive(queue)).toMatchObject({ matched: 1, redriven: 0, skipped: 1 });
    expect(await redrive(queue, { queue: other })).toMatchObject({ matched: 0, redriven: 0 });
    expect(await call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({ status: 409, body: { code: "invalid-state" } });
    expect(await redrive(queue, { queue: target })).toMatchObject({ matched: 1, redriven: 1 });
    expect([await claim(queue), await claim(other), (await claim(target)).length]).toEqual([[], [], 1]);
  });

  it("into another queue is refused where there is none, and into its own", async () => {
    const queue = await newQueue(ONCE);
    expect(await call("POST", `/v1/queues/${queue}/redrive`, { body: { queue } })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/queue" }] },
    });
    expect((await call("POST", `/v1/queues/${queue}/redrive`, { body: { queue: "nobody" } })).status).toBe(404);
  });

  it("into a queue that is full leaves the rest, and goes on later", async () => {
    const queue = await newQueue(ONCE);
    const target = await newQueue({ maxBacklog: 1 });
    for (let i = 0; i < 3; i++) await failed(queue, "x");
    expect(await redrive(queue, { queue: target })).toMatchObject({ matched: 3, redriven: 1, skipped: 2 });
    await succeed((await claimOne(target)).lease);
    expect(await redrive(queue, { queue: target })).toMatchObject({ matched: 2, redriven: 1, skipped: 1 });
  });
});

describe("a purge", () => {
  it("of failed jobs discards those that match", async () => {
    const queue = await newQueue(ONCE);
    const gone = await failed(queue, "x", { tags: ["a"] });
    const kept = await failed(queue, "x", { tags: ["b"] });
    const waiting = await submit({ queue });
    const body = { failed: true, filter: { tag: "a" } };
    const answer = await must("POST", `/v1/queues/${queue}/purge`, { body });
    expect(PurgeView.parse(answer)).toEqual({ cancelled: 0, discarded: 1, more: false });
    await evict();
    expect((await call("GET", `/v1/jobs/${gone}`)).status).toBe(404);
    expect([(await getJob(kept)).state, (await getJob(waiting.id)).state]).toEqual(["failed", "queued"]);
    expect((await call("POST", `/v1/queues/${queue}/purge`, { body: { filter: {} } })).status).toBe(400);
    expect(await must("POST", `/v1/queues/${queue}/purge`)).toEqual({ cancelled: 1 });
  });
});

describe("failed jobs that history alone has", () => {
  const brief: QueueInput = { ...ONCE, retention: 1 };

  it("are redriven by filter, and history learns their end", async () => {
    const queue = await newQueue(brief);
    const ids = await forgotten(queue, 3, { a: 1 });
    expect(await redrive(queue, { dryRun: true })).toEqual({ matched: 3, redriven: 0, skipped: 0, more: false });
    expect(await redrive(queue, { filter: { errorCode: "none" } })).toMatchObject({ matched: 0 });
    expect(await redrive(queue, { patch: { b: 2 } })).toEqual({ matched: 3, redriven: 3, skipped: 0, more: false });
    expect(await redrive(queue)).toMatchObject({ matched: 0, redriven: 0 });
    await evict();
    const claimed = await claim(queue);
    expect(claimed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const { lease, ...job } of claimed) {
      expect(job).toMatchObject({ attempt: 2, payload: { a: 1, b: 2 } });
      await succeed(lease, "done");
    }
    await project();
    passTime(4_000_000);
    for (let i = 0; i < 3; i++) await runAlarms();
    for (const id of ids) {
      expect(await isExisting(id)).toBe(false);
      expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 2, result: "done" });
    }
    await runCron();
  });

  it("are retried one by one", async () => {
    const queue = await newQueue(brief);
    const [id = ""] = await forgotten(queue, 1);
    const retried = await call<JobView>("POST", `/v1/jobs/${id}/retry`);
    expect(retried).toMatchObject({ status: 200, body: { id, state: "queued" } });
    expect((await call("POST", `/v1/jobs/${id}/retry`)).status).toBe(409);
    expect(await claimOne(queue)).toMatchObject({ id, attempt: 2 });
    expect((await call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(200);
  });

  it("are refused when their queue has other partitions or is gone, and a succeeded one always", async () => {
    const queue = await newQueue({ ...brief, idempotencyWindow: 1 });
    const [id = ""] = await forgotten(queue, 1);
    await putQueue(queue, { ...brief, partitions: 5 });
    expect(await call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({ status: 409, body: { code: "invalid-state" } });
    expect(await redrive(queue)).toMatchObject({ matched: 0, redriven: 0 });
    expect((await call("DELETE", `/v1/queues/${queue}`)).status).toBe(204);
    expect(await call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({
      status: 404,
      body: { code: "queue-not-found" },
    });
    const done = await newQueue(brief);
    const { id: succeeded } = await submit({ queue: done });
    await succeed((await claimOne(done)).lease);
    await project();
    passTime(90_000);
    for (let i = 0; i < 3; i++) await runAlarms();
    expect(await call("POST", `/v1/jobs/${succeeded}/retry`)).toMatchObject({ status: 409 });
  });

  it("are moved to another queue, and leave history when it hears of it", async () => {
    const queue = await newQueue(brief);
    const target = await newQueue();
    const [id = ""] = await forgotten(queue, 1, { a: 1 });
    expect(await redrive(queue, { queue: target })).toEqual({ matched: 1, redriven: 1, skipped: 0, more: false });
    expect(await redrive(queue, { queue: target })).toMatchObject({ matched: 0, redriven: 0 });
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    await project();
    await evict();
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    expect(await claimOne(target)).toMatchObject({ payload: { a: 1 } });
    const { counts } = await must<QueueStatsView>("GET", `/v1/queues/${target}/stats`);
    expect(counts.running).toBe(1);
  });

  it("are discarded by a purge", async () => {
    const queue = await newQueue(brief);
    const [id = ""] = await forgotten(queue, 1);
    expect((await getJob(id)).state).toBe("failed");
    const answer = await must("POST", `/v1/queues/${queue}/purge`, { body: { failed: true } });
    expect(answer).toEqual({ cancelled: 0, discarded: 1, more: false });
    await project();
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
  });
});
