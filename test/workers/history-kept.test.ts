import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobListView } from "../../contract/job.ts";
import {
  call,
  claim,
  claimOne,
  existingAnywhere,
  fail,
  getJob,
  must,
  newQueue,
  putQueue,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { consume } from "./ingest.ts";
import { project } from "./processor.ts";

beforeEach(() => project());
afterEach(resetClock);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function succeeded(body: Record<string, unknown> & { queue: string }): Promise<string> {
  const { id } = await submit(body);
  await succeed((await claimOne(body.queue)).lease, { done: true });
  return id;
}

async function failed(body: Record<string, unknown> & { queue: string }): Promise<string> {
  const { id } = await submit(body);
  await fail((await claimOne(body.queue)).lease, { retryable: false });
  return id;
}

/** History takes what there is for it, time passes, and shards forget what they may. */
async function later(ms: number): Promise<void> {
  await project();
  passTime(ms);
  for (let i = 0; i < 8; i++) await runAlarms();
}

/** Whatever D1 has of a queue's jobs. */
async function inHistory(queue: string): Promise<number> {
  const count = (table: string) => env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE queue = ?`).bind(queue);
  const answers = await env.DB.batch<{ n: number }>([count("jobs"), count("history_pages"), count("history_counts")]);
  return answers.reduce((sum, { results }) => sum + (results[0]?.n ?? 0), 0);
}

describe("a queue with history none", () => {
  it("has nothing in D1; its failed jobs can be redriven until retention ends, and then nobody knows them", async () => {
    const queue = await newQueue({ partitions: 1, history: "none", retention: 2 * 86_400 });
    const [done, dead] = [await succeeded({ queue }), await failed({ queue, payload: { a: 1 } })];
    await later(2 * HOUR_MS);
    expect(await inHistory(queue)).toBe(0);
    expect(await call("GET", `/v1/jobs/${done}`)).toMatchObject({ status: 404, body: { code: "job-not-found" } });
    expect(await call("POST", `/v1/jobs/${done}/retry`)).toMatchObject({ status: 404 });
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 0, failed: 1 } });
    expect((await must<JobListView>("GET", `/v1/jobs?queue=${queue}`)).items.map(({ id }) => id)).toEqual([dead]);
    expect(await must("POST", `/v1/queues/${queue}/redrive`, { body: {} })).toMatchObject({ matched: 1, redriven: 1 });
    expect(await claimOne(queue)).toMatchObject({ id: dead, payload: { a: 1 } });
    await later(DAY_MS);
    await later(DAY_MS);
    await later(3 * DAY_MS);
    expect(await existingAnywhere([dead])).toEqual([dead]);
    await must("POST", `/v1/jobs/${dead}/cancel`);
    await later(2 * DAY_MS + HOUR_MS);
    expect((await call("GET", `/v1/jobs/${dead}`)).status).toBe(404);
  });

  it("answers a replay of a key, alone and in a batch, with the job for as long as the key counts", async () => {
    const queue = await newQueue({ partitions: 1, history: "none" });
    const job = { queue, payload: { n: 1 }, idempotencyKey: "k" };
    const id = await succeeded(job);
    await later(23 * HOUR_MS);
    expect(await call("POST", "/v1/jobs", { body: job })).toMatchObject({
      status: 200,
      body: { id, state: "succeeded", payload: { n: 1 }, payloadKept: true, result: { done: true } },
    });
    const batch = await must("POST", "/v1/batches", { body: { jobs: [job] } });
    expect(batch).toMatchObject({ accepted: 0, items: [{ id, state: "succeeded", replayed: true }] });
    await later(2 * HOUR_MS);
    expect(await call("POST", "/v1/jobs", { body: job })).toMatchObject({ status: 202 });
  });

  it("does not run a job again that a message brings once more, days later", async () => {
    const queue = await newQueue({ partitions: 1, history: "none" });
    const body = { type: "submit", job: { queue, payload: 1 } };
    await consume([body], { ids: ["m1"] });
    const job = await claimOne(queue);
    await succeed(job.lease);
    await later(3 * DAY_MS);
    await consume([body], { ids: ["m1"], attempts: 2 });
    expect(await claim(queue)).toEqual([]);
    expect((await getJob(job.id)).state).toBe("succeeded");
  });
});

describe("a queue with history failed", () => {
  it("has its failed and cancelled jobs in D1 and no succeeded one, not as a failure of before either", async () => {
    const queue = await newQueue({ partitions: 1, history: "failed" });
    const [done, dead] = [await succeeded({ queue }), await failed({ queue })];
    const again = await failed({ queue });
    const { id: cancelled } = await submit({ queue });
    await must("POST", `/v1/jobs/${cancelled}/cancel`);
    await project();
    await must("POST", `/v1/jobs/${again}/retry`);
    await succeed((await claimOne(queue)).lease);
    await later(2 * HOUR_MS);
    for (const id of [done, again]) expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    expect((await must<JobListView>("GET", `/v1/jobs?queue=${queue}`)).items.map(({ id }) => id)).toEqual(
      [cancelled, dead].sort().reverse(),
    );
    await putQueue(queue, { partitions: 1, history: "failed", retention: 30 * 86_400 });
    await later(8 * DAY_MS);
    expect(await existingAnywhere([dead, again])).toEqual([]);
    expect(await must("POST", `/v1/queues/${queue}/redrive`, { body: {} })).toMatchObject({ matched: 1, redriven: 1 });
    expect((await claim(queue)).map(({ id }) => id)).toEqual([dead]);
  });
});

describe("a queue that does not keep payloads", () => {
  it("has them as long as its shard has the job; history says that it has none, and nothing runs without", async () => {
    const queue = await newQueue({ partitions: 1, keepPayload: false });
    const done = await succeeded({ queue, payload: { secret: "s3cret" } });
    const dead = await failed({ queue, payload: { secret: "s3cret" } });
    expect(await getJob(done)).toMatchObject({ payload: { secret: "s3cret" }, payloadKept: true });
    await putQueue(queue, { partitions: 1, keepPayload: false, retention: 30 * 86_400 });
    await later(8 * DAY_MS);
    expect(await existingAnywhere([done, dead])).toEqual([]);
    const left = { payload: null, payloadKept: false };
    expect(await getJob(done)).toMatchObject({ ...left, state: "succeeded", result: { done: true } });
    expect(await getJob(dead)).toMatchObject({ ...left, state: "failed" });
    const { items } = await must<JobListView>("GET", `/v1/jobs?queue=${queue}&include=payload`);
    expect(items.map(({ payload, payloadKept }) => ({ payload, payloadKept }))).toEqual([left, left]);
    const text = await env.DB.prepare("SELECT record || payload AS text FROM jobs WHERE id = ?")
      .bind(dead)
      .first("text");
    expect(text).not.toContain("s3cret");
    const refused = await call("POST", `/v1/jobs/${dead}/retry`);
    expect(refused).toMatchObject({ status: 409, body: { code: "invalid-state" } });
    expect(refused.body.detail).toContain("payload was not kept");
    for (const body of [{}, { dryRun: true }, { queue: await newQueue({ partitions: 1 }) }, { patch: { a: 1 } }]) {
      const redriven = await must("POST", `/v1/queues/${queue}/redrive`, { body });
      expect(redriven).toEqual({ matched: 1, redriven: 0, skipped: 1, more: false });
    }
    expect(await claim(queue)).toEqual([]);
    expect(await must("POST", `/v1/queues/${queue}/purge`, { body: { failed: true } })).toMatchObject({ discarded: 1 });
    await project();
    expect((await call("GET", `/v1/jobs/${dead}`)).status).toBe(404);
  });
});
