import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeferredMessage } from "../../contract/ingest.ts";
import type { JobView } from "../../contract/job.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  existingAnywhere,
  getJob,
  must,
  newQueue,
  putQueue,
  shards,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, brokenDatabase, callThrough } from "./faults.ts";
import { awayGateway, awayShards, consume, deadLetters } from "./ingest.ts";
import { project } from "./processor.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const BOOM = { code: "boom", message: "", retryable: false };

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ consistency: "available", retention: 1 });
});
afterEach(resetClock);

/** A job that waits for its shard, and its message. */
async function deferred(options: Record<string, unknown> = {}): Promise<{ id: string; message: DeferredMessage }> {
  const bindings = awayGateway("broken");
  const { body } = await callThrough<JobView>(bindings, ["POST", "/v1/jobs"], {
    body: { queue, payload: 1, ...options },
  });
  const [message] = bindings.sent as DeferredMessage[];
  if (message === undefined) throw new Error(`not deferred: ${JSON.stringify(body)}`);
  return { id: body.id, message };
}

/** What has finished goes to history, and what is past its retention leaves the shards. */
async function forgetOld(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await project();
    await runAlarms();
  }
}

async function existingOn(id: string): Promise<boolean> {
  return (await existingAnywhere([id])).length > 0;
}

async function rowsInHistory(id: string): Promise<string[]> {
  const query = `SELECT state FROM jobs WHERE id = ?1
    UNION ALL SELECT 'succeeded' FROM history_pages WHERE instr(ids, substr(?1, 12)) > 0`;
  const { results } = await env.DB.prepare(query).bind(id).all<{ state: string }>();
  return results.map(({ state }) => state);
}

describe("a message that comes again after its job was forgotten by its shard runs nothing twice", () => {
  const ends: [string, (lease: string, id: string) => Promise<unknown>, string][] = [
    ["succeeded", (lease) => succeed(lease), "succeeded"],
    ["failed", (lease) => call("POST", `/v1/leases/${lease}/fail`, { body: { error: BOOM } }), "failed"],
    ["was cancelled", (_, id) => call("POST", `/v1/jobs/${id}/cancel`, { body: {} }), "cancelled"],
    [
      "was deleted",
      async (lease) => {
        await call("POST", `/v1/leases/${lease}/fail`, { body: { error: BOOM } });
        await must("POST", `/v1/queues/${queue}/purge`, { body: { failed: true } });
      },
      "discarded",
    ],
  ];

  test.each(ends)("when it %s", async (_, end, state) => {
    const { id, message } = await deferred();
    await consume([message]);
    const { lease } = await claimOne(queue);
    await end(lease, id);
    await forgetOld();
    passTime(2 * MINUTE);
    await forgetOld();
    expect(await existingOn(id)).toBe(false);
    expect(await rowsInHistory(id)).toEqual([state]);

    const again = await consume([message]);
    expect(again).toMatchObject({ acked: 1, retryMessages: [] });
    expect(await existingOn(id)).toBe(false);
    expect(await claim(queue)).toEqual([]);
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(state === "discarded" ? 404 : 200);
  });

  test("as long as a message lives; and history is purged of it later", async () => {
    const { id, message } = await deferred();
    await consume([message]);
    await succeed((await claimOne(queue)).lease);
    await forgetOld();
    passTime(4 * DAY);
    await forgetOld();
    await runCron();
    expect(await existingOn(id)).toBe(false);
    expect(await rowsInHistory(id)).toEqual(["succeeded"]);
    await consume([message]);
    expect(await claim(queue)).toEqual([]);
    passTime(3 * DAY);
    await runCron();
    expect(await rowsInHistory(id)).toEqual([]);
  });

  test("also where the queue has become a strong one meanwhile", async () => {
    const { id, message } = await deferred();
    await consume([message]);
    await succeed((await claimOne(queue)).lease);
    await putQueue(queue, { retention: 1 });
    await putQueue(queue, { retention: 1, paused: false });
    await forgetOld();
    passTime(2 * DAY);
    await forgetOld();
    await runCron();
    await consume([message]);
    expect(await claim(queue)).toEqual([]);
    expect(await rowsInHistory(id)).toEqual(["succeeded"]);
    passTime(5 * DAY);
    await runCron();
    expect(await rowsInHistory(id)).toEqual([]);
  });

  // By the clock of the gateway that accepted the job it is as young as can be.
  test.each([
    ["the gateway's clock was ahead", 120_000, {}],
    ["the message has come before", 90_000, { attempts: 2 }],
    ["the Queue has had the message for long", 90_000, { ageMs: 2 * MINUTE }],
  ])("also where %s", async (_, aheadMs, delivery) => {
    const { id, message } = await deferred();
    const createdAt = (message.job.createdAt ?? 0) + aheadMs;
    const ahead = { ...message, job: { ...message.job, createdAt, runAt: null } };
    await consume([ahead]);
    await succeed((await claimOne(queue)).lease);
    await forgetOld();
    passTime(100_000);
    await forgetOld();
    expect(await existingOn(id)).toBe(false);
    expect(await consume([ahead], delivery)).toMatchObject({ acked: 1 });
    expect(await claim(queue)).toEqual([]);
    expect(await existingOn(id)).toBe(false);
  });

  test("while history cannot be asked it waits", async () => {
    const { id, message } = await deferred();
    passTime(MINUTE);
    const bindings = { ...env, DB: brokenDatabase() };
    const first = await consume([message], { bindings });
    expect({ acked: first.acked, retries: first.retryMessages.length }).toEqual({ acked: 0, retries: 1 });
    await consume([message]);
    expect((await getJob(id)).state).toBe("queued");
  });

  test("a young message needs no history", async () => {
    const { id, message } = await deferred();
    await getJob(id); // The settings of the queue are known then.
    const bindings = { ...env, DB: brokenDatabase() };
    expect(await consume([message], { bindings })).toMatchObject({ acked: 1 });
    expect((await getJob(id)).state).toBe("queued");
  });
});

describe("a delivery", () => {
  test.each(["silent", "broken"] as const)(
    "whose shard is still away (%s) comes again, and takes no other along",
    async (how) => {
      const jobs = await Promise.all(Array.from({ length: 12 }, (_, i) => deferred({ orderingKey: `k${i}` })));
      const [away = ""] = shards().map(({ id }) => id);
      const bindings = { ...env, SHARD: awayShards(how, null, [away]) };
      const messages = jobs.map(({ message }) => message);
      const first = await consume(messages, { bindings });
      expect(first.acked + first.retryMessages.length).toBe(messages.length);
      expect(first.acked).toBeGreaterThan(0);
      expect(first.retryMessages.length).toBeGreaterThan(0);
      await consume(messages);
      const states = await Promise.all(jobs.map(async ({ id }) => (await getJob(id)).state));
      expect(new Set(states)).toEqual(new Set(["queued"]));
      expect((await claim(queue, { max: 100 })).length).toBe(12);
    },
    40_000,
  );

  test("whose job's id is not of its place is a dead letter", async () => {
    const { message } = await deferred();
    const job = { ...message.job, partition: message.job.partition === 0 ? 1 : 0 };
    expect(await consume([{ ...message, job }])).toMatchObject({ acked: 1 });
    const [letter] = await deadLetters();
    expect(letter?.reason).toMatch(/^invalid-request: /);
    expect(await claim(queue)).toEqual([]);
    await env.DB.prepare("DELETE FROM dead_letters").run();
  });

  test("survives the death of every object in between", async () => {
    const { id, message } = await deferred();
    await consume([message]);
    await evict();
    await consume([message]);
    expect((await claimOne(queue)).id).toBe(id);
    expect(await claim(queue)).toEqual([]);
  });

  test("after the queue's settings changed goes by the new ones", async () => {
    const { id, message } = await deferred();
    await putQueue(queue, { consistency: "available", paused: true });
    await consume([message]);
    expect((await must<{ reason: string }>("GET", `/v1/jobs/${id}/explain`)).reason).toBe("paused");
  });

  test("of two jobs with one idempotency key runs one, and the other says which", async () => {
    const idempotencyKey = "same";
    const [first, second] = [await deferred({ idempotencyKey }), await deferred({ idempotencyKey })];
    await consume([first.message]);
    await consume([second.message]);
    expect(await getJob(second.id)).toMatchObject({ state: "cancelled", error: { code: "replayed" } });
    expect((await getJob(second.id)).error?.message).toContain(first.id);
    expect((await claim(queue)).map(({ id }) => id)).toEqual([first.id]);
    expect((await submit({ queue, payload: 1, idempotencyKey })).id).toBe(first.id);
  });

  test("to a queue that was deleted ends the job, and says so", async () => {
    const { id, message } = await deferred();
    expect((await call("DELETE", `/v1/queues/${queue}`)).status).toBe(204);
    expect(await consume([message])).toMatchObject({ acked: 1 });
    expect(await getJob(id)).toMatchObject({ state: "cancelled", error: { code: "queue-deleted" } });
    await project();
    expect(await rowsInHistory(id)).toEqual(["cancelled"]);
    expect(await deadLetters()).toEqual([]);
  });

  test("to a queue with other partitions ends the job whose place is gone", async () => {
    queue = await newQueue({ consistency: "available", partitions: 16 });
    const jobs = await Promise.all(Array.from({ length: 8 }, (_, i) => deferred({ orderingKey: `key-${i}` })));
    await putQueue(queue, { consistency: "available", partitions: 1 });
    for (const { message } of jobs) await consume([message]);
    const ended = await Promise.all(jobs.map(async ({ id }) => getJob(id)));
    for (const [i, { job }] of jobs.map(({ message }) => message).entries()) {
      const gone = { state: "cancelled", error: { code: "repartitioned" } };
      expect(ended[i]).toMatchObject(job.partition === 0 ? { state: "queued" } : gone);
    }
    expect(ended.some(({ state }) => state === "cancelled")).toBe(true);
  });

  test("leaves an audit without findings", async () => {
    const jobs = await Promise.all([1, 2, 3].map(() => deferred({ idempotencyKey: "k", orderingKey: "o" })));
    await consume(jobs.map(({ message }) => message));
    expect(await auditNow()).toMatchObject({ violations: [] });
  });
});
