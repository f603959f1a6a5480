import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobListView, JobView } from "../../contract/job.ts";
import { projectionStore } from "../../workers/db/projection.ts";
import { jobsIn } from "../simulation/history-text.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  existingAnywhere,
  fail,
  getJob,
  must,
  newQueue,
  shardOf,
  shards,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { batchFails, replaced, type When } from "./faults.ts";
import { finishedJobs } from "./history.ts";
import { PROCESSOR_ENV, project } from "./processor.ts";

// Every test finds history level with the shards: they have the file's objects in common.
beforeEach(() => project());
afterEach(resetClock);

const HOUR_MS = 3_600_000;

interface HistoryRow {
  id: string;
  state: string;
  version: number;
  payload: string;
  result: string | null;
}

/** The jobs of a queue in history, in rows and in pages. */
async function history(queue: string): Promise<HistoryRow[]> {
  return (await finishedJobs(queue)).map(({ id, state, version, payload, result }) => ({
    id,
    state,
    version,
    payload,
    result,
  }));
}

async function cursors(): Promise<Record<string, number>> {
  const { results } = await env.DB.prepare("SELECT shard, cursor FROM projections").all<{
    shard: string;
    cursor: number;
  }>();
  return Object.fromEntries(results.map(({ shard, cursor }) => [shard, cursor]));
}

/** The ids of a queue in its shard's log of finished jobs, read in pages of `limit`. */
async function walk(holder: Holder | undefined, queue: string, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let place = { after: 0, skip: 0 };
  for (let pages = 0; pages < 200; pages++) {
    const reply = await holder?.stub.finished({ v: 1, epoch: 1, ...place, limit });
    if (reply === undefined) throw new Error("no shard holds the jobs");
    const page = reply.result;
    const found = jobsIn(page.chunks).filter((job) => job.queue === queue);
    ids.push(...found.map(({ id }) => id));
    if (!page.more) return ids;
    expect(page.cursor > place.after || page.skip > place.skip).toBe(true);
    place = { after: page.cursor, skip: page.skip };
  }
  throw new Error("the log does not end");
}

/** Fires the alarms until whatever is due is done: each does a bounded amount. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await runAlarms();
}

/** Ids of a queue that its shards still hold. */
async function held(ids: string[]): Promise<string[]> {
  return (await existingAnywhere(ids)).sort();
}

async function unprojected(): Promise<number> {
  const health = await Promise.all(shards().map(({ stub }) => stub.wake({ v: 1, epoch: 1 })));
  return health.reduce((sum, { result }) => sum + result.unprojected, 0);
}

/** Finishes `count` jobs with results; answers their ids in order. */
async function finish(queue: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await submit({ queue, payload: i, orderingKey: `k${i % 7}` })).id);
    await succeed((await claimOne(queue)).lease, { done: i });
  }
  return ids;
}

async function listAll(query: string, limit = 3): Promise<JobListView["items"]> {
  const items: JobListView["items"] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: JobListView = await must("GET", `/v1/jobs?${query}&limit=${limit}${next}`);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

describe("finished jobs reach history", () => {
  it("once each, with all that was said of them", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const ids = await finish(queue, 10);
    const failed = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    const cancelled = await submit({ queue });
    await must("POST", `/v1/jobs/${cancelled.id}/cancel`);
    const live = await submit({ queue });
    expect(await unprojected()).toBe(12);
    await evict();
    await project();
    await project();
    await evict();
    expect(await unprojected()).toBe(0);
    const rows = await history(queue);
    expect(rows.map(({ id }) => id)).toEqual([...ids, failed.id, cancelled.id].sort());
    expect(rows.find(({ id }) => id === ids[3])).toMatchObject({
      state: "succeeded",
      payload: "3",
      result: '{"done":3}',
    });
    expect(rows.find(({ id }) => id === failed.id)?.state).toBe("failed");
    expect(rows.map(({ id }) => id)).not.toContain(live.id);
  });

  it("in the order in which they finished", async () => {
    const queue = await newQueue({ partitions: 1 });
    const jobs = [];
    // Each has a row of its own, as one that can expire: those of a pack are told together.
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    for (let i = 0; i < 8; i++) jobs.push((await submit({ queue, expiresAt })).id);
    const claimed = await claim(queue);
    const order = [5, 2, 7, 0, 1, 6, 3, 4].map((i) => claimed[i]?.id ?? "");
    for (const id of order) await succeed(claimed.find((job) => job.id === id)?.lease ?? "");
    await evict();
    const pages = await Promise.all(
      shards().map(({ stub }) => stub.finished({ v: 1, epoch: 1, after: 0, skip: 0, limit: 500 })),
    );
    const told = pages
      .flatMap(({ result }) => jobsIn(result.chunks))
      .filter((job) => job.queue === queue)
      .map(({ id }) => id);
    expect(told).toEqual(order);
    // However small the pages, each begins where the last ended.
    const [holder] = await holders(order);
    expect(await walk(holder, queue, 2)).toEqual(order);
  });

  it("also when one step finished more of them than a page holds", async () => {
    const queue = await newQueue({ partitions: 1 });
    for (let i = 0; i < 11; i++) await submit({ queue });
    const claimed = await claim(queue, { max: 11 });
    const reports = claimed.map(({ lease }) => ({ lease, ok: true }));
    await must("POST", "/v1/reports", { body: { reports } });
    await evict();
    const ids = claimed.map(({ id }) => id);
    const [holder] = await holders(ids);
    for (const limit of [1, 3, 4, 100]) {
      const walked = await walk(holder, queue, limit);
      expect([limit, walked.length, new Set(walked)]).toEqual([limit, 11, new Set(ids)]);
    }
    await project();
    expect(await history(queue)).toHaveLength(11);
  });

  it.each<When>(["before", "after"])(
    "when the batch fails %s it was written: nothing is lost, doubled or skipped",
    async (when) => {
      const queue = await newQueue();
      const ids = await finish(queue, 9);
      const before = await cursors();
      await project({ ...PROCESSOR_ENV, DB: batchFails(when, 100) });
      expect(await history(queue)).toHaveLength(when === "after" ? 9 : 0);
      if (when === "before") expect(await cursors()).toEqual(before);
      // A write whose answer was lost is found to be done.
      expect(await unprojected()).toBe(when === "after" ? 0 : 9);
      await evict();
      await finish(queue, 2);
      await project();
      const rows = await history(queue);
      expect(rows).toHaveLength(11);
      expect(new Set(rows.map(({ id }) => id))).toEqual(new Set([...ids, ...rows.slice(-2).map(({ id }) => id)]));
      expect(await unprojected()).toBe(0);
    },
  );

  it("when the shard cannot be told: the next run tells it", async () => {
    const queue = await newQueue();
    await finish(queue, 3);
    const deaf = replaced(env.SHARD, {
      getByName: (name: string) =>
        replaced(env.SHARD.getByName(name), { projected: () => Promise.reject(new Error("reply lost")) }),
    });
    await project({ ...PROCESSOR_ENV, SHARD: deaf });
    expect(await history(queue)).toHaveLength(3);
    expect(await unprojected()).toBe(3);
    await project();
    expect(await unprojected()).toBe(0);
  });

  it("by two projectors at once as by one, and the cursor never goes back", async () => {
    const queue = await newQueue();
    await finish(queue, 6);
    await Promise.all([project(), project(), project()]);
    const reached = await cursors();
    expect(await history(queue)).toHaveLength(6);
    // A projector that was overtaken writes its old page late.
    const store = projectionStore(env.DB, { now: () => Date.now() });
    const from = { cursor: 0, skip: 0 };
    const late = { from, to: { cursor: 1, skip: 0 }, heardAt: null, chunks: [], pages: [], isRebuild: false };
    for (const shard of Object.keys(reached)) await store.write(shard, late);
    expect(await cursors()).toEqual(reached);
    await project();
    expect(await cursors()).toEqual(reached);
  });

  it("again from the start when history was lost", async () => {
    const queue = await newQueue();
    const ids = await finish(queue, 5);
    await project();
    const rows = await history(queue);
    await env.DB.batch(["jobs", "history_pages", "projections"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
    await evict();
    await project();
    expect(await history(queue)).toEqual(rows);
    expect(rows.map(({ id }) => id)).toEqual(ids.sort());
  });

  it("a job that was redriven and ended again replaces its row, and an older copy never does", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    await project();
    const [first] = await history(queue);
    expect(first?.state).toBe("failed");
    const [holder] = await holders([id]);
    const slow = (await holder?.stub.finished({ v: 1, epoch: 1, after: 0, skip: 0, limit: 500 }))?.result;
    await must("POST", `/v1/jobs/${id}/retry`);
    await succeed((await claimOne(queue)).lease, "second try");
    await project();
    const [second] = await history(queue);
    expect(second).toMatchObject({ state: "succeeded", result: '"second try"' });
    expect(second?.version).toBeGreaterThan(first?.version ?? 0);
    // A projector that read its page before the redrive writes it now.
    expect(jobsIn(slow?.chunks ?? []).map((job) => job.id)).toContain(id);
    await projectionStore(env.DB, { now: () => Date.now() }).write(holder?.id ?? "", {
      from: { cursor: 0, skip: 0 },
      to: { cursor: slow?.cursor ?? 0, skip: slow?.skip ?? 0 },
      heardAt: null,
      chunks: slow?.chunks ?? [],
      pages: [],
      isRebuild: false,
    });
    expect(await history(queue)).toEqual([second]);
    // Everything is copied anew from the shard's log, in which the first end stands too.
    await env.DB.prepare("DELETE FROM projections").run();
    await project();
    expect(await history(queue)).toEqual([second]);
  });

  it("in pages of many, also when they are large", async () => {
    const queue = await newQueue();
    const big = "x".repeat(100_000);
    for (let i = 0; i < 12; i++) {
      await submit({ queue, payload: big });
      await succeed((await claimOne(queue)).lease, big);
    }
    await project();
    const rows = await history(queue);
    expect(rows).toHaveLength(12);
    expect(rows.every(({ payload, result }) => payload.length === 100_002 && result?.length === 100_002)).toBe(true);
  });
});

type Holder = ReturnType<typeof shards>[number];

async function holders(ids: string[]) {
  const owners = new Set((await existingAnywhere(ids)).map(shardOf));
  return shards().filter(({ id }) => owners.has(id));
}

describe("lists", () => {
  it("merge shards and history by id, each job once, wherever it is", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const onlyHistory = await finish(queue, 5);
    await project();
    passTime(HOUR_MS + 1000);
    await settle();
    expect(await held(onlyHistory)).toEqual([]);
    const both = await finish(queue, 5);
    await project();
    const onlyShard = await finish(queue, 5);
    const live = [(await submit({ queue })).id, (await submit({ queue, delay: 60 })).id];
    await evict();
    const wanted = [...onlyHistory, ...both, ...onlyShard, ...live].sort().reverse();
    expect((await listAll(`queue=${queue}`)).map(({ id }) => id)).toEqual(wanted);
    expect((await listAll(`queue=${queue}&state=succeeded`, 4)).map(({ id }) => id)).toEqual(
      wanted.filter((id) => !live.includes(id)),
    );
    const full = await listAll(`queue=${queue}&include=payload,result`, 100);
    expect(full.filter(({ state }) => state === "succeeded").every(({ result }) => result !== null)).toBe(true);
    expect((await listAll(`queue=${queue}&orderingKey=k1`)).map(({ id }) => id)).toEqual([
      onlyShard[1],
      both[1],
      onlyHistory[1],
    ]);
  });

  it("tell of a redriven job what its shard knows, not what history remembers", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue, tags: ["again"] });
    await fail((await claimOne(queue)).lease);
    await project();
    await must("POST", `/v1/jobs/${id}/retry`);
    await evict();
    expect(await listAll(`queue=${queue}&state=failed`)).toEqual([]);
    expect((await listAll(`queue=${queue}`)).map(({ state }) => state)).toEqual(["queued"]);
    expect((await listAll(`queue=${queue}&tag=again&state=queued`)).map((job) => job.id)).toEqual([id]);
    await succeed((await claimOne(queue)).lease);
    expect((await listAll(`queue=${queue}`)).map(({ state }) => state)).toEqual(["succeeded"]);
    expect(await listAll(`queue=${queue}&state=failed`)).toEqual([]);
  });

  it("filter history by tag, key and time as they filter shards", async () => {
    const queue = await newQueue();
    const first = await submit({ queue, tags: ["a", "b"], orderingKey: "x" });
    await succeed((await claimOne(queue)).lease);
    passTime(1000);
    const second = await submit({ queue, tags: ["b"] });
    await succeed((await claimOne(queue)).lease);
    const queries = [
      "tag=a",
      "tag=b",
      "tag=c",
      "orderingKey=x",
      `createdAfter=${first.createdAt}`,
      `createdBefore=${second.createdAt}`,
      `createdBefore=${first.createdAt}`,
      "state=succeeded",
      "state=failed",
      "state=queued",
    ];
    const read = async () => {
      const found: string[][] = [];
      for (const query of queries) found.push((await listAll(`queue=${queue}&${query}`)).map(({ id }) => id));
      return found;
    };
    const fromShards = await read();
    expect(fromShards.map((ids) => ids.length)).toEqual([1, 2, 0, 1, 1, 1, 0, 2, 0, 0]);
    await project();
    passTime(HOUR_MS + 1000);
    await settle();
    expect(await held([first.id, second.id])).toEqual([]);
    expect(await read()).toEqual(fromShards);
  });
});

describe("retention", () => {
  it("a succeeded job leaves its shard after ten minutes, and history when its queue's retention ends", async () => {
    const queue = await newQueue({ retention: 7200, idempotencyWindow: 1 });
    const ids = (await finish(queue, 4)).sort();
    await project();
    passTime(9 * 60_000);
    await settle();
    expect(await held(ids)).toEqual(ids);
    passTime(2 * 60_000);
    await settle();
    await evict();
    expect(await held(ids)).toEqual([]);
    await runCron();
    expect(await history(queue)).toHaveLength(4);
    expect(await getJob(ids[0] ?? "")).toMatchObject({ state: "succeeded", result: { done: expect.any(Number) } });
    passTime(2 * HOUR_MS);
    await runCron();
    expect(await history(queue)).toEqual([]);
    expect(await call("GET", `/v1/jobs/${ids[1]}`)).toMatchObject({ status: 404, body: { code: "job-not-found" } });
    expect(await listAll(`queue=${queue}`)).toEqual([]);
  });

  it("failed and cancelled jobs stay in their shard until retention ends, and can be redriven until then", async () => {
    const queue = await newQueue({ retention: 7200, idempotencyWindow: 1, retry: { maxAttempts: 1 } });
    const failed = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    const cancelled = await submit({ queue });
    await must("POST", `/v1/jobs/${cancelled.id}/cancel`);
    await project();
    passTime(2 * HOUR_MS - 60_000);
    await settle();
    await runCron();
    const ids = [failed.id, cancelled.id].sort();
    expect(await held(ids)).toEqual(ids);
    expect((await must<JobView>("POST", `/v1/jobs/${failed.id}/retry`)).state).toBe("queued");
    passTime(120_000);
    await settle();
    await runCron();
    await evict();
    expect(await held(ids)).toEqual([failed.id]);
    expect((await call("GET", `/v1/jobs/${cancelled.id}`)).status).toBe(404);
    // A job that lives is never forgotten, whatever history says of its first end.
    expect(await getJob(failed.id)).toMatchObject({ state: "queued" });
  });

  it("nothing that history lacks is forgotten by its shard", async () => {
    const queue = await newQueue({ retention: 10, idempotencyWindow: 1 });
    const ids = (await finish(queue, 3)).sort();
    passTime(2 * HOUR_MS);
    await settle();
    await runCron();
    await evict();
    expect(await held(ids)).toEqual(ids);
    await project();
    await settle();
    expect(await held(ids)).toEqual([]);
  });

  it("purging is bounded in each step, and finished by the next", async () => {
    const queue = await newQueue({ partitions: 1 });
    const ids = await finish(queue, 230);
    await project();
    passTime(HOUR_MS + 1000);
    await Promise.all(shards().map(({ stub }) => runInDurableObject(stub, (instance) => instance.alarm())));
    const left = (await held(ids)).length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(230);
    await settle();
    expect(await held(ids)).toEqual([]);
  }, 60_000);
});
