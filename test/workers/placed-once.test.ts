import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { JobListView } from "../../contract/job.ts";
import { call, claim, freshName, getJob, must, newQueue, putQueue, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { awayShards, consume, deadLetters } from "./ingest.ts";
import { project } from "./processor.ts";

/** What comes twice is the same jobs, though its queue's settings changed in between. */

const MINUTE = 60_000;
/** Enough that chance alone does not put all of them where they were. */
const MANY = 8;

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ partitions: 16, retention: 60 });
  await env.DB.prepare("DELETE FROM dead_letters").run();
});
afterEach(resetClock);

const jobsOf = async () => (await must<JobListView>("GET", `/v1/jobs?queue=${queue}&limit=200`)).items;
const payloads = Array.from({ length: MANY }, (_, payload) => payload);
const bodies = () => payloads.map((payload) => ({ queue, payload }));
const lostShards = () => ({ ...env, SHARD: awayShards("lost", ["submit"]) });

async function runAll(): Promise<void> {
  for (const { lease } of await claim(queue, { max: 100 })) await succeed(lease);
}

/** History alone has the jobs. */
async function forget(): Promise<void> {
  await project();
  passTime(2 * MINUTE);
  for (let round = 0; round < 2; round++) {
    await project();
    await runAlarms();
  }
}

/** Settings by which jobs are spread, of as many partitions. */
const spreads = () => putQueue(queue, { partitions: 16, maxBacklog: 1000, retention: 60 });
const repartition = async () => {
  await runAll();
  await putQueue(queue, { partitions: 5, retention: 60 });
};
const repartitionTwice = async () => {
  await repartition();
  await putQueue(queue, { partitions: 3, retention: 60 });
};
const remake = async () => {
  await runAll();
  await must("DELETE", `/v1/queues/${queue}`);
  await putQueue(queue, { partitions: 5, retention: 60 });
};
const repartitionAndForget = async () => {
  await repartition();
  await forget();
};

describe("messages of one job each", () => {
  const messages = () => bodies().map((job) => ({ type: "submit", job }));
  test.each([
    ["is spread", spreads],
    ["has other partitions", repartition],
    ["had others twice", repartitionTwice],
    ["has others, and the jobs are history", repartitionAndForget],
  ])("are the same jobs when the queue %s by then", async (_, change) => {
    const ids = payloads.map(() => freshName("message"));
    await consume(messages(), { ids });
    await change();
    expect(await consume(messages(), { ids, attempts: 2 })).toMatchObject({ acked: MANY, retryMessages: [] });
    expect(await jobsOf()).toHaveLength(MANY);
    expect(await deadLetters()).toEqual([]);
  });

  test("are the jobs of the earlier queue when it was made anew by then, and no job of the later one", async () => {
    const ids = payloads.map(() => freshName("message"));
    await consume(messages(), { ids });
    const earlier = await jobsOf();
    await remake();
    expect(await consume(messages(), { ids, attempts: 2 })).toMatchObject({ acked: MANY, retryMessages: [] });
    expect(await jobsOf()).toEqual([]);
    for (const { id } of earlier) expect(await getJob(id)).toMatchObject({ state: "succeeded" });
    expect(await deadLetters()).toEqual([]);
  });

  test("that were never accepted are, by what holds today", async () => {
    const ids = payloads.map(() => freshName("message"));
    await consume(messages(), { ids, bindings: { ...env, SHARD: awayShards("broken", ["submit"]) } });
    await repartition();
    expect(await consume(messages(), { ids, attempts: 2 })).toMatchObject({ acked: MANY });
    expect(await jobsOf()).toHaveLength(MANY);
  });
});

describe.each([false, true])("a message of many jobs (atomic: %s)", (atomic) => {
  test.each([
    ["is spread", spreads],
    ["has other partitions", repartition],
  ])("is the same jobs when the queue %s by then", async (_, change) => {
    const body = { type: "submitBatch", atomic, jobs: bodies() };
    const ids = [freshName("message")];
    await consume([body], { ids });
    await change();
    expect(await consume([body], { ids, attempts: 2 })).toMatchObject({ acked: 1 });
    expect(await jobsOf()).toHaveLength(MANY);
  });
});

describe.each([false, true])("a batch with a key that was cut short (atomic: %s)", (atomic) => {
  const send = (key: string, bindings: Env = { ...env }) =>
    callThrough<BatchView & { code?: string }>(bindings, ["POST", "/v1/batches"], {
      body: { atomic, jobs: bodies() },
      headers: { "idempotency-key": key },
    });

  test("is completed as the same jobs when its queue is spread by then", async () => {
    const key = freshName("key");
    expect((await send(key, lostShards())).status).toBe(503);
    const before = (await jobsOf()).map(({ id }) => id).sort();
    await spreads();
    const again = await send(key);
    expect(again.body.items.map((item) => ("id" in item ? item.id : "refused")).sort()).toEqual(before);
    expect((await jobsOf()).map(({ id }) => id).sort()).toEqual(before);
  });

  test("is undecided (409) when its queue has other partitions by then", async () => {
    const key = freshName("key");
    expect((await send(key, lostShards())).status).toBe(503);
    await repartition();
    expect(await send(key)).toMatchObject({ status: 409, body: { code: "idempotency-undecided" } });
    expect(await jobsOf()).toHaveLength(MANY);
  });
});

test("a queue that was not there at a batch's first run is not there at its second", async () => {
  const late = freshName("late");
  const key = freshName("key");
  const body = { jobs: [...bodies(), { queue: late, payload: 1 }] };
  const options = { body, headers: { "idempotency-key": key } };
  await callThrough(lostShards(), ["POST", "/v1/batches"], options);
  await putQueue(late, {});
  const { items } = (await call<BatchView>("POST", "/v1/batches", options)).body;
  expect(items.at(-1)).toMatchObject({ problem: { code: "queue-not-found" } });
  expect(await jobsOf()).toHaveLength(MANY);
});

test("a message with a key whose queue has other partitions by then is a dead letter that says so", async () => {
  const body = { type: "submitBatch", idempotencyKey: freshName("key"), jobs: bodies() };
  const ids = [freshName("message")];
  expect((await consume([body], { ids, bindings: lostShards() })).retryMessages).toHaveLength(1);
  await repartition();
  expect(await consume([body], { ids, attempts: 2 })).toMatchObject({ acked: 1 });
  expect(await jobsOf()).toHaveLength(MANY);
  const reason = expect.stringMatching(/^idempotency-undecided: .*partitions/);
  expect(await deadLetters()).toEqual([expect.objectContaining({ id: ids[0], reason })]);
});
