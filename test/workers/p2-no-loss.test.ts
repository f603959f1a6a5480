import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import type { Doorbell } from "../../contract/doorbell.ts";
import type { JobListView } from "../../contract/job.ts";
import { isFinal } from "../../domain/job/state.ts";
import { claim, claimOne, evict, fail, getJob, must, newQueue, shards, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow } from "./faults.ts";
import { deliver, work } from "./processor.ts";

afterEach(resetClock);

const MINUTE_MS = 60_000;

/** Deletes the alarm of every shard, as a lost one would be. */
async function loseAlarms(): Promise<void> {
  await Promise.all(shards().map(({ stub }) => runInDurableObject(stub, (_, state) => state.storage.deleteAlarm())));
}

async function alarmsSet(): Promise<number> {
  const alarms = await Promise.all(
    shards().map(({ stub }) => runInDurableObject(stub, (_, state) => state.storage.getAlarm())),
  );
  return alarms.filter((at) => at !== null).length;
}

/** Replaces the lane of the shards' bells by a recorder, until the objects are evicted. */
async function recordBells(): Promise<Doorbell[]> {
  const heard: Doorbell[] = [];
  for (const { stub } of shards()) {
    await runInDurableObject(stub, (instance) => {
      const recorder = { ...env, LANE_DEFAULT: { send: async (bell: Doorbell) => void heard.push(bell) } };
      Object.defineProperty(instance, "env", { value: recorder });
    });
  }
  return heard;
}

it("a bell that nobody heard is rung again by the alarm until the job runs", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "wordcount" } });
  const heard = await recordBells();
  const { id } = await submit({ queue, payload: { text: "a" } });
  expect(heard).toHaveLength(1);
  // Every bell is lost, for three rounds of growing patience.
  for (const waited of [1500, 3000, 6000]) {
    const before = heard.length;
    passTime(waited + 100);
    await runAlarms();
    expect(heard.length).toBe(before + 1);
  }
  await deliver("dure-default", heard.slice(-1));
  await evict();
  expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 1 });
});

it("bells are rung again after an eviction", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "noop" } });
  await submit({ queue });
  await evict();
  const heard = await recordBells();
  passTime(MINUTE_MS);
  await runAlarms();
  expect(heard.length).toBeGreaterThan(0);
  await deliver("dure-default", heard);
  expect((await must<JobListView>("GET", `/v1/jobs?queue=${queue}&state=succeeded`)).items).toHaveLength(1);
});

it("a worker that dies spends an attempt, and the job runs again", async () => {
  const queue = await newQueue({ retry: { maxAttempts: 2, delay: 0 } });
  const { id } = await submit({ queue });
  await claimOne(queue, { worker: "dies", leaseSeconds: 20 });
  await evict();
  passTime(20_100);
  await runAlarms();
  await evict();
  const again = await claimOne(queue, { worker: "lives" });
  expect(again).toMatchObject({ id, attempt: 2 });
  expect((await succeed(again.lease, "done")).status).toBe(200);
  await evict();
  expect(await getJob(id)).toMatchObject({
    state: "succeeded",
    attempts: [
      { number: 1, outcome: "leaseExpired", worker: "dies", error: { code: "lease-expired" } },
      { number: 2, outcome: "succeeded", worker: "lives", error: null },
    ],
  });
});

it("a job that kills every worker ends in failed", async () => {
  const queue = await newQueue({ retry: { maxAttempts: 3, delay: 0 } });
  const { id } = await submit({ queue });
  for (let attempt = 1; attempt <= 3; attempt++) {
    expect((await claimOne(queue)).attempt).toBe(attempt);
    await evict();
    passTime(MINUTE_MS + 100);
    await runAlarms();
  }
  await evict();
  expect(await getJob(id)).toMatchObject({ state: "failed", attempt: 3, error: { code: "timeout" } });
  expect(await claim(queue)).toEqual([]);
});

it("a lease outlives its shard's eviction", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue });
  const { lease } = await claimOne(queue);
  await evict();
  await runAlarms();
  await evict();
  expect(await claim(queue)).toEqual([]);
  expect((await succeed(lease)).status).toBe(200);
  await evict();
  expect((await getJob(id)).state).toBe("succeeded");
});

it("a scheduled job becomes due though its shard slept", async () => {
  const queue = await newQueue();
  const { id } = await submit({ queue, delay: 600 });
  await evict();
  passTime(599_000);
  await runAlarms();
  expect((await getJob(id)).state).toBe("scheduled");
  await evict();
  passTime(2000);
  await runAlarms();
  await evict();
  expect((await getJob(id)).state).toBe("queued");
  expect((await claimOne(queue)).id).toBe(id);
});

it("a job whose expiresAt passed fails as expired, and releases its ordering key", async () => {
  const queue = await newQueue();
  const expiresAt = new Date(Date.now() + 30_000).toISOString();
  const first = await submit({ queue, orderingKey: "k", expiresAt });
  const second = await submit({ queue, orderingKey: "k" });
  await evict();
  passTime(31_000);
  await runAlarms();
  await evict();
  expect(await getJob(first.id)).toMatchObject({ state: "failed", error: { code: "expired" }, attempt: 0 });
  expect((await claimOne(queue)).id).toBe(second.id);
});

it("an alarm that was lost is set again when the object starts", async () => {
  const queue = await newQueue();
  // So many keys that every shard has some.
  await Promise.all(Array.from({ length: 64 }, (_, i) => submit({ queue, delay: 300, orderingKey: `k${i}` })));
  await loseAlarms();
  expect(await alarmsSet()).toBe(0);
  await evict();
  // Where something is due already, the alarm fires at once, and there is none for that moment.
  await expect.poll(alarmsSet, { timeout: 10_000 }).toBe(shards().length);
});

it("an alarm that was lost under a living object is set again by the cron, and its due jobs go on", async () => {
  const queue = await newQueue({ retry: { delay: 0 } });
  const { id } = await submit({ queue });
  await claimOne(queue, { leaseSeconds: 10 });
  await loseAlarms();
  passTime(11_000);
  await runCron();
  expect(await alarmsSet()).toBe(shards().length);
  expect((await getJob(id)).state).toBe("queued");
  expect((await auditNow()).violations).toEqual([]);
});

it("every job of a rough workload reaches one final state, and it stays", async () => {
  const queue = await newQueue({ retry: { maxAttempts: 4, delay: 0 }, timeout: 30 });
  const jobs = Array.from({ length: 60 }, (_, i) => ({
    queue,
    payload: i,
    ...(i % 3 === 0 ? { orderingKey: `key-${i % 5}` } : {}),
    ...(i % 7 === 0 ? { delay: 5 } : {}),
  }));
  const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body: { jobs } });
  const ids = items.map(({ id }) => id);
  const recorded = new Map<string, string>();
  const note = (id: string, state: string) => {
    expect(recorded.get(id)).toBeUndefined();
    if (isFinal(state as "failed")) recorded.set(id, state);
  };
  for (let round = 0; round < 40 && recorded.size < ids.length; round++) {
    for (const [i, { id, lease }] of (await claim(queue, { max: 15 })).entries()) {
      const kind = (round + i) % 4;
      // One in four workers dies without a word.
      if (kind === 0) continue;
      const answer = await (kind === 1 ? fail(lease, { retryable: i % 2 === 0 }) : succeed(lease, id));
      expect(answer.status).toBe(200);
      note(id, answer.body.state);
      if (kind === 2) expect((await fail(lease)).status).toBe(409);
    }
    passTime(31_000);
    if (round % 3 === 0) await evict();
    await runAlarms();
    for (const id of ids.filter((one) => !recorded.has(one))) {
      const { state, attempts } = await getJob(id);
      if (state === "failed") {
        expect(attempts.at(-1)?.outcome).toBe("leaseExpired");
        note(id, state);
      }
    }
  }
  await evict();
  const read = await Promise.all(ids.map((id) => getJob(id)));
  expect(read.map(({ state }) => state)).toEqual(ids.map((id) => recorded.get(id)));
  expect((await auditNow()).violations).toEqual([]);
}, 60_000);

it("a batch of pushed jobs is worked off over several invocations and evictions", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "wordcount" } });
  const jobs = Array.from({ length: 300 }, (_, i) => ({ queue, payload: { text: "x ".repeat(i % 9) } }));
  const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body: { jobs } });
  const stats = () => must<{ counts: Record<string, number> }>("GET", `/v1/queues/${queue}/stats`);
  // How much an invocation does depends on the machine: its time is counted.
  for (let invocation = 0; invocation < 2 || (invocation < 30 && (await stats()).counts.queued !== 0); invocation++) {
    await work();
    await evict();
  }
  const read = await Promise.all(items.slice(0, 40).map(({ id }) => getJob(id)));
  expect(read.map(({ result }) => (result as { words: number }).words)).toEqual(read.map((_, i) => i % 9));
  const { counts } = await stats();
  expect(counts).toEqual({ scheduled: 0, queued: 0, running: 0, succeeded: 300, failed: 0, cancelled: 0 });
});

it("what an unreadable message says is kept, and the bells beside it are heard", async () => {
  const queue = await newQueue({ target: { type: "handler", name: "noop" } });
  const { id } = await submit({ queue });
  const bells = shards().map(({ id: shard }) => ({ v: 1, kind: "work", shard, lane: "default" }));
  const result = await deliver("dure-default", [
    { v: 9 },
    null,
    "x",
    ...bells,
    { v: 1, kind: "work", shard: "shard-0" },
  ]);
  expect(result.explicitAcks).toHaveLength(8);
  expect(result.retryMessages).toEqual([]);
  await evict();
  expect((await getJob(id)).state).toBe("succeeded");
  const { results } = await env.DB.prepare("SELECT body FROM dead_letters").all<{ body: string }>();
  expect(results.map(({ body }) => body).sort()).toEqual(
    ['"x"', '{"v":1,"kind":"work","shard":"shard-0"}', '{"v":9}', "null"].sort(),
  );
  expect(await auditNow()).toMatchObject({ ok: true });
});
