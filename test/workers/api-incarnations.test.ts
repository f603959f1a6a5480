import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { ExplainView, JobListView } from "../../contract/job.ts";
import type { QueueStatsView, QueueView } from "../../contract/queue.ts";
import { call, claim, claimOne, evict, fail, getJob, must, newQueue, putQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { project } from "./processor.ts";

/** A queue that was deleted and made again is another queue, of which its name is all that the two have in common. */

afterEach(resetClock);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function makeAgain(queue: string, settings = {}): Promise<QueueView> {
  await must("DELETE", `/v1/queues/${queue}`);
  const again = await call<QueueView>("PUT", `/v1/queues/${queue}`, { body: settings });
  expect(again.status).toBe(201);
  return again.body;
}

const listed = async (query: string) =>
  (await must<JobListView>("GET", `/v1/jobs?limit=200&${query}`)).items.map(({ id }) => id);
const stats = (queue: string) => must<QueueStatsView>("GET", `/v1/queues/${queue}/stats`);
const redrive = (queue: string) => must("POST", `/v1/queues/${queue}/redrive`, { body: {} });

/** History has what has finished, and shards have forgotten what they may. */
async function forgetSucceeded(): Promise<void> {
  await project();
  passTime(2 * HOUR_MS);
  await runAlarms();
}

describe("the keys of a queue that was deleted", () => {
  it("answer, hold and count for none of the next queue's jobs, whatever its partitions", async () => {
    const queue = await newQueue({ partitions: 4, onFailure: "block", retry: { maxAttempts: 1 } });
    const dedup = { key: "d", window: 3600, onConflict: "reject" };
    const first = await submit({ queue, idempotencyKey: "i" });
    const second = await submit({ queue, dedup });
    for (const { lease } of await claim(queue)) await succeed(lease);
    const failed = await submit({ queue, orderingKey: "k" });
    await fail((await claimOne(queue)).lease);
    await must("POST", `/v1/queues/${queue}/keys/pause`, { body: { key: "paused-one" } });
    expect(await call("POST", "/v1/jobs", { body: { queue, payload: 2, idempotencyKey: "i" } })).toMatchObject({
      status: 422,
    });
    const again = await makeAgain(queue, { partitions: 2 });
    expect(again).toMatchObject({ incarnation: again.version, version: 3 });
    await evict();
    const fresh = [
      await submit({ queue, payload: 2, idempotencyKey: "i" }),
      await submit({ queue, payload: 2, dedup }),
      await submit({ queue, orderingKey: "k" }),
      await submit({ queue, orderingKey: "paused-one" }),
    ];
    const old = [first.id, second.id, failed.id];
    expect(fresh.filter(({ id }) => old.includes(id))).toEqual([]);
    expect((await claim(queue)).map(({ id }) => id).sort()).toEqual(fresh.map(({ id }) => id).sort());
    expect(await must("GET", `/v1/queues/${queue}`)).toMatchObject({ incarnation: 3 });
  });
});

describe("the jobs of a queue that was deleted", () => {
  it("are read by their ids, and are in no list, count, failure or redrive of the next one", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const ids: string[] = [];
    for (const end of ["succeed", "fail", "cancel"]) {
      const { id } = await submit({ queue, tags: [queue] });
      ids.push(id);
      if (end === "cancel") await must("POST", `/v1/jobs/${id}/cancel`);
      else await (end === "fail" ? fail : succeed)((await claimOne(queue)).lease);
    }
    const states = async () => Promise.all(ids.map(async (id) => (await getJob(id)).state));
    const then = await states();
    await project();
    await makeAgain(queue);
    const { id: fresh } = await submit({ queue, tags: [queue] });
    const { createdAt } = await getJob(ids[0] ?? "");
    const after = new Date(Date.parse(createdAt) - 60_000).toISOString();
    for (const look of [evict, forgetSucceeded, () => passTime(8 * DAY_MS), runAlarms]) {
      await look();
      for (const consistency of ["strong", "session", "eventual"]) {
        expect(await listed(`queue=${queue}&consistency=${consistency}`)).toEqual([fresh]);
        expect(await listed(`queue=${queue}&state=failed&consistency=${consistency}`)).toEqual([]);
      }
      expect(await listed(`tag=${queue}&createdAfter=${after}`)).toEqual([fresh, ...ids.toReversed()]);
      expect((await stats(queue)).counts).toMatchObject({ queued: 1, succeeded: 0, failed: 0, cancelled: 0 });
      expect(await must("GET", `/v1/queues/${queue}/failures`)).toMatchObject({ items: [] });
      expect(await redrive(queue)).toMatchObject({ matched: 0, redriven: 0 });
      expect(await states()).toEqual(then);
    }
    for (const id of ids.slice(1)) {
      expect(await call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({
        status: 404,
        body: { code: "queue-not-found" },
      });
      expect(await must<ExplainView>("GET", `/v1/jobs/${id}/explain`)).toMatchObject({ reason: "final" });
    }
    await succeed((await claimOne(queue)).lease, "new");
    await project();
    expect((await stats(queue)).counts).toMatchObject({ queued: 0, succeeded: 1 });
  });

  it("are not touched by an operation of the next one", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    await forgetSucceeded();
    await makeAgain(queue);
    const body = { action: "delete", filter: { queue } };
    const { id: operation } = await must<{ id: string }>("POST", "/v1/operations", { body });
    await runAlarms();
    await runCron();
    expect(await must("GET", `/v1/operations/${operation}`)).toMatchObject({ state: "done", progress: { matched: 0 } });
    expect((await getJob(id)).state).toBe("failed");
  });

  it("go from history when their own queue's retention ends, and so does what is remembered of that queue", async () => {
    const queue = await newQueue({ retention: 3600, idempotencyWindow: 60 });
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    await project();
    await makeAgain(queue, { retention: 30 * 86_400 });
    const former = () => env.DB.prepare("SELECT queue_id FROM former_queues WHERE queue_id = ?").bind(queue).all();
    await forgetSucceeded();
    await runCron();
    expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    expect((await former()).results).toHaveLength(1);
    passTime(40 * DAY_MS);
    await runCron();
    expect((await former()).results).toEqual([]);
  });
});

describe("who knows the earlier settings only", () => {
  it("is told of the next queue by its shards: KV that is a minute behind brings no job into the earlier one", async () => {
    const queue = await newQueue({ timeout: 5 });
    const stale = await env.CACHE.get(`settings:default/${queue}`);
    await submit({ queue });
    await must("POST", `/v1/queues/${queue}/purge`);
    await makeAgain(queue, { timeout: 7 });
    await env.CACHE.put(`settings:default/${queue}`, stale ?? "");
    passTime(6000);
    const job = await submit({ queue });
    expect(job.timeout).toBe(7);
    expect(await listed(`queue=${queue}`)).toEqual([job.id]);
  });

  it("schedules go on with the queue that has the name", async () => {
    const queue = await newQueue();
    const schedule = { cron: "* * * * *", job: { queue, payload: 1 } };
    await must("PUT", `/v1/schedules/s-${queue}`, { body: schedule });
    await makeAgain(queue);
    passTime(61_000);
    await runAlarms();
    expect(await must<JobListView>("GET", `/v1/jobs?queue=${queue}`)).toMatchObject({ items: [{ state: "queued" }] });
    await must("DELETE", `/v1/schedules/s-${queue}`);
  });
});

it("a queue can be deleted and made again any number of times", async () => {
  const queue = await newQueue();
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { id } = await submit({ queue, idempotencyKey: "same" });
    seen.push(id);
    expect(await listed(`queue=${queue}`)).toEqual([id]);
    for (const { lease } of await claim(queue)) await succeed(lease);
    await project();
    expect((await stats(queue)).counts.succeeded).toBe(1);
    await makeAgain(queue);
  }
  expect(new Set(seen).size).toBe(4);
  expect(await putQueue(queue, {})).toMatchObject({ version: 10, incarnation: 9 });
});
