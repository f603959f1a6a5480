import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { ExplainView, JobListView, JobView } from "../../contract/job.ts";
import {
  type Answer,
  call,
  claim,
  claimOne,
  evict,
  fail,
  getJob,
  must,
  newQueue,
  type Problem,
  putQueue,
  shards,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow } from "./faults.ts";
import { project } from "./processor.ts";

afterEach(resetClock);

const HOUR = 3_600_000;

function post(body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer<JobView & Problem>> {
  return call("POST", "/v1/jobs", { body: { payload: null, ...body }, headers });
}

async function countIn(queue: string): Promise<number> {
  return (await must<JobListView>("GET", `/v1/jobs?queue=${queue}`)).items.length;
}

describe("deduplication of one call", () => {
  it("return: the earlier job, 200 with Dure-Replayed, whatever its state and after the object died", async () => {
    const queue = await newQueue();
    const dedup = { key: "report-7", window: 3600 };
    const first = await post({ queue, dedup, payload: 1 });
    expect(first).toMatchObject({ status: 202, body: { dedupKey: "report-7" } });
    expect(first.headers.get("dure-replayed")).toBeNull();
    await evict();
    const second = await post({ queue, dedup, payload: 2 });
    expect(second).toMatchObject({ status: 200, body: { id: first.body.id, state: "queued", payload: 1 } });
    expect(second.headers.get("dure-replayed")).toBe("true");
    await succeed((await claimOne(queue)).lease);
    expect(await post({ queue, dedup })).toMatchObject({
      status: 200,
      body: { id: first.body.id, state: "succeeded" },
    });
    passTime(HOUR);
    expect((await post({ queue, dedup })).status).toBe(202);
    expect(await countIn(queue)).toBe(2);
  });

  it("is left out for a day, and null on jobs without it", async () => {
    const queue = await newQueue();
    const first = await post({ queue, dedup: { key: "k" } });
    passTime(23 * HOUR);
    expect((await post({ queue, dedup: { key: "k" } })).body.id).toBe(first.body.id);
    passTime(HOUR);
    expect((await post({ queue, dedup: { key: "k" } })).status).toBe(202);
    expect((await post({ queue })).body.dedupKey).toBeNull();
  });

  it("reject: 409 duplicate, whose detail names the earlier job", async () => {
    const queue = await newQueue();
    const dedup = { key: "k", onConflict: "reject" };
    const { body } = await post({ queue, dedup });
    const refused = await post({ queue, dedup });
    expect(refused).toMatchObject({ status: 409, body: { code: "duplicate", type: "/problems/duplicate" } });
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.body.detail).toContain(body.id);
    expect(await countIn(queue)).toBe(1);
  });

  it("replace: lays payload and run-at over a job that waits, put off at most maxDelay", async () => {
    const queue = await newQueue();
    const dedup = { key: "k", onConflict: "replace", maxDelay: 60 };
    const first = await post({ queue, dedup, payload: 1, delay: 50, tags: ["first"] });
    passTime(30_000);
    const second = await post({ queue, dedup, payload: 2, delay: 50, tags: ["second"] });
    expect(second).toMatchObject({
      status: 200,
      body: { id: first.body.id, state: "scheduled", payload: 2, tags: ["first"] },
    });
    expect(second.headers.get("dure-replayed")).toBe("true");
    expect(Date.parse(second.body.runAt) - Date.parse(first.body.createdAt)).toBe(60_000);
    await evict();
    expect(await getJob(first.body.id)).toMatchObject({ payload: 2, runAt: second.body.runAt });
    passTime(31_000);
    await runAlarms();
    const { id, payload } = await claimOne(queue);
    expect([id, payload]).toEqual([first.body.id, 2]);
    expect((await post({ queue, dedup, payload: 3 })).status).toBe(202);
  });

  it("runAfter: one job behind a running one, explained, and opened when that has ended", async () => {
    const queue = await newQueue();
    const dedup = { key: "k", onConflict: "runAfter" };
    const first = await post({ queue, dedup });
    const { lease } = await claimOne(queue);
    const next = await post({ queue, dedup });
    expect(next).toMatchObject({ status: 202, body: { state: "queued" } });
    expect(await post({ queue, dedup })).toMatchObject({ status: 200, body: { id: next.body.id } });
    expect(await claim(queue)).toEqual([]);
    await evict();
    expect(await must<ExplainView>("GET", `/v1/jobs/${next.body.id}/explain`)).toMatchObject({
      reason: "deduplication",
      blockedBy: first.body.id,
    });
    await succeed(lease);
    expect((await claimOne(queue)).id).toBe(next.body.id);
    expect(await auditNow()).toMatchObject({ ok: true, violations: [] });
  });

  it("of many calls at once one makes a job, the others get it", async () => {
    const queue = await newQueue();
    const dedup = { key: "race" };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, payload) => post({ queue, dedup, payload })));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 202]);
  });

  it("a replay is answered by history when the job has left its shard, and beyond retention", async () => {
    const queue = await newQueue({ retention: 60, idempotencyWindow: 60 });
    const dedup = { key: "k", window: 48 * 3600 };
    const { body } = await post({ queue, dedup, payload: "kept" });
    const other = await post({ queue });
    for (const { lease } of await claim(queue)) await succeed(lease);
    await project();
    passTime(47 * HOUR);
    await runAlarms();
    await runCron();
    expect((await call("GET", `/v1/jobs/${other.body.id}`)).status).toBe(404);
    expect(await post({ queue, dedup })).toMatchObject({ status: 200, body: { id: body.id, payload: "kept" } });
    passTime(2 * HOUR);
    await runAlarms();
    await runCron();
    expect((await call("GET", `/v1/jobs/${body.id}`)).status).toBe(404);
  });

  it.each([
    ["an unknown field", { key: "k", mode: "return" }],
    ["no key", { onConflict: "return" }],
    ["an empty key", { key: "" }],
    ["a NUL in the key", { key: "a\0b" }],
    ["a window of nothing", { key: "k", window: 0 }],
    ["an unknown word", { key: "k", onConflict: "ignore" }],
    ["maxDelay without replace", { key: "k", maxDelay: 5 }],
  ])("refuses %s", async (_, dedup) => {
    expect(await post({ queue: await newQueue(), dedup })).toMatchObject({
      status: 400,
      body: { code: "invalid-request" },
    });
  });
});

describe("beside an idempotency key", () => {
  it("the idempotency key is asked first, and answers again what deduplication answered", async () => {
    const queue = await newQueue();
    const dedup = { key: "k", window: 60, onConflict: "return" };
    const { body } = await post({ queue, dedup });
    const header = { "idempotency-key": "call-1" };
    expect(await post({ queue, dedup }, header)).toMatchObject({ status: 200, body: { id: body.id } });
    await fail((await claimOne(queue)).lease, { retryable: false });
    passTime(61_000);
    expect(await post({ queue, dedup }, header)).toMatchObject({ status: 200, body: { id: body.id, state: "failed" } });
    expect(await post({ queue, dedup, payload: 9 }, header)).toMatchObject({ status: 422 });
    expect((await post({ queue, dedup })).status).toBe(202);
  });

  it.each([
    ["concurrencyKey", { concurrencyKey: "a" }, { concurrencyKey: "b" }],
    ["deduplication key", { dedup: { key: "a" } }, { dedup: { key: "b" } }],
    ["orderingKey", { orderingKey: "a" }, { orderingKey: "b" }],
  ])("an idempotency key counts within its %s, wherever that is placed", async (_, one, two) => {
    const queue = await newQueue({ partitions: 64 });
    const single = await newQueue({ partitions: 1 });
    for (const name of [queue, single]) {
      const ids: string[] = [];
      for (const place of [one, two, {}]) {
        const first = await post({ queue: name, idempotencyKey: "i", ...place });
        expect(first.status).toBe(202);
        ids.push(first.body.id);
        await evict();
        const again = await post({ queue: name, idempotencyKey: "i", ...place });
        expect(again).toMatchObject({ status: 200, body: { id: first.body.id } });
      }
      expect(new Set(ids).size).toBe(3);
    }
  });

  it("no key of a job is lost in SQLite for the NUL in its scope", async () => {
    const queue = await newQueue({ partitions: 1 });
    for (const concurrencyKey of ["a", "ab"])
      await post({ queue, concurrencyKey, dedup: { key: "k" }, idempotencyKey: "i" });
    const scopes: string[] = [];
    for (const { stub } of shards()) {
      await runInDurableObject(stub, (_, { storage }) => {
        for (const table of ["dedup", "idempotency"]) {
          const rows = storage.sql.exec<{ scope: string }>(
            `SELECT scope FROM ${table} JOIN queues ON ref = queue WHERE name = ?`,
            queue,
          );
          for (const { scope } of rows) scopes.push(scope);
        }
      });
    }
    expect(scopes.sort()).toEqual(["c\0a", "c\0a", "c\0ab", "c\0ab"]);
  });
});

describe("in a batch", () => {
  it("calls are met in their order; a refused one costs only itself", async () => {
    const queue = await newQueue();
    const job = (payload: number, onConflict: string) => ({ queue, payload, dedup: { key: "k", onConflict } });
    const jobs = [job(1, "return"), job(2, "return"), job(3, "reject"), job(4, "replace")];
    const { status, body } = await call<BatchView>("POST", "/v1/batches", { body: { jobs } });
    const [first] = body.items as { id: string }[];
    expect(status).toBe(202);
    expect(body).toMatchObject({
      accepted: 1,
      items: [
        { replayed: false },
        { id: first?.id, replayed: true },
        { problem: { code: "duplicate", status: 409, errors: [{ pointer: "/jobs/2" }] } },
        { id: first?.id, replayed: true },
      ],
    });
    expect(await getJob(first?.id ?? "")).toMatchObject({ payload: 4 });
  });

  it("atomic: one that is rejected refuses all", async () => {
    const queue = await newQueue({ partitions: 1 });
    const jobs = [
      { queue, payload: 1, dedup: { key: "k" } },
      { queue, payload: 2, dedup: { key: "k", onConflict: "reject" } },
    ];
    const refused = await call<Problem>("POST", "/v1/batches", { body: { atomic: true, jobs } });
    expect(refused).toMatchObject({ status: 422, body: { code: "batch-refused", errors: [{ pointer: "/jobs/1" }] } });
    expect(await countIn(queue)).toBe(0);
    expect((await post({ queue, dedup: { key: "k", onConflict: "reject" } })).status).toBe(202);
  });
});

it("the number of partitions cannot change while keys are remembered", async () => {
  const queue = await newQueue({ partitions: 4 });
  await post({ queue, dedup: { key: "k", window: 60 } });
  await succeed((await claimOne(queue)).lease);
  const change = () => call<Problem>("PUT", `/v1/queues/${queue}`, { body: { partitions: 8 } });
  expect(await change()).toMatchObject({ status: 409, body: { code: "queue-has-keys" } });
  passTime(61_000);
  expect((await change()).status).toBe(200);
  await putQueue(queue, { partitions: 8 });
});
