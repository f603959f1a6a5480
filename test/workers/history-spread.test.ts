import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { JobListView, JobView } from "../../contract/job.ts";
import type { OperationView } from "../../contract/operation.ts";
import { claim, existingAnywhere, fail, freshName, must, newQueue, putQueue, shardOf, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { project } from "./processor.ts";
import { backToOne, migrateAdded, Spread, shardIds, whereIs } from "./spread.ts";

// Rounds of the cron over all shards, and jobs by the dozen.
vi.setConfig({ testTimeout: 90_000 });

beforeAll(migrateAdded);
beforeEach(backToOne);
afterEach(resetClock);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const one = new Spread();
const two = new Spread("HISTORY_DB_1");
const three = new Spread("HISTORY_DB_1", "HISTORY_DB_2");

/** Jobs of a queue on all shards; every `failing`th fails for good, the others succeed. Ascending ids. */
async function finish(queue: string, count: number, failing = 3): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, n) => ({ queue, payload: { n }, orderingKey: `k${n}` }));
  const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body: { jobs } });
  for (let left = count, n = 0; left > 0; ) {
    for (const { lease } of await claim(queue, { max: 100 })) {
      if (n++ % failing === 0) await fail(lease, { retryable: false });
      else await succeed(lease, { n });
      left -= 1;
    }
  }
  return items.map(({ id }) => id).sort();
}

/** What shards may forget they forget. */
async function leave(ids: string[], ms: number): Promise<void> {
  passTime(ms);
  for (let i = 0; i < 10; i++) await runAlarms();
  expect(await existingAnywhere(ids)).toEqual([]);
}

/** Kept for longer than its shards do, so that history alone has its jobs. */
async function forgottenQueue(): Promise<string> {
  return newQueue({ partitions: 16, retention: 86_400, retry: { maxAttempts: 1 } });
}
const keepOn = (queue: string) =>
  putQueue(queue, { partitions: 16, retention: 30 * 86_400, retry: { maxAttempts: 1 } });

async function listed(spread: Spread, query: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: JobListView = await spread.must("GET", `/v1/jobs?${query}&limit=7${next}`);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}

const idsOf = (jobs: { id: string }[]) => jobs.map(({ id }) => id).sort();

describe("history in several databases", () => {
  it("takes each shard's jobs to one of them, and everything that reads it finds them all", async () => {
    const homes = new Set(shardIds().map((id) => three.homeOf(id)));
    expect(homes.size, "the shards of this test are spread").toBeGreaterThan(1);
    const queue = await forgottenQueue();
    const ids = await finish(queue, 30);
    await three.project();
    const lies = await whereIs(queue);
    for (const [name, jobs] of Object.entries(lies)) {
      expect(idsOf(jobs)).toEqual(ids.filter((id) => three.homeOf(shardOf(id)) === name));
    }
    await keepOn(queue);
    await leave(ids, DAY_MS + HOUR_MS);
    for (const id of ids) expect((await three.must<JobView>("GET", `/v1/jobs/${id}`)).id).toBe(id);
    for (const level of ["session", "eventual"]) {
      expect((await three.must<JobView>("GET", `/v1/jobs/${ids[0]}?consistency=${level}`)).id).toBe(ids[0]);
    }
    for (const level of ["strong", "session", "eventual"]) {
      expect(await listed(three, `queue=${queue}&consistency=${level}`)).toEqual(ids.toReversed());
    }
    expect(await listed(three, `queue=${queue}&state=failed`)).toHaveLength(10);
    expect(await three.must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 20 } });
    const redriven = await three.must("POST", `/v1/queues/${queue}/redrive`, { body: {} });
    expect(redriven).toEqual({ matched: 10, redriven: 10, skipped: 0, more: false });
    expect(await claim(queue, { max: 100 })).toHaveLength(10);
  });

  it("goes on where it was when one is added: nothing comes twice, nothing is lost, and the earlier ones are read", async () => {
    const queue = await forgottenQueue();
    const before = await finish(queue, 20);
    await project();
    const after = await finish(queue, 20);
    await two.project();
    const lies = await whereIs(queue);
    expect(idsOf(lies.DB)).toEqual([...before, ...after.filter((id) => two.homeOf(shardOf(id)) === "DB")].sort());
    expect(idsOf(lies.HISTORY_DB_1)).toEqual(after.filter((id) => two.homeOf(shardOf(id)) === "HISTORY_DB_1"));
    expect(lies.HISTORY_DB_1.length).toBeGreaterThan(0);
    const late = await finish(queue, 20);
    await three.project();
    await three.project();
    const all = [...before, ...after, ...late].sort();
    const spread = await whereIs(queue);
    expect(idsOf([...spread.DB, ...spread.HISTORY_DB_1, ...spread.HISTORY_DB_2])).toEqual(all);
    await keepOn(queue);
    await leave(all, DAY_MS + HOUR_MS);
    expect(await listed(three, `queue=${queue}`)).toEqual(all.toReversed());
    for (const id of all) expect((await three.call("GET", `/v1/jobs/${id}`)).status).toBe(200);
    expect((await three.call("GET", `/v1/jobs/${all[0]?.slice(0, -3)}000`)).status).toBe(404);
  });

  it("a job that failed before its shard moved, and succeeds after, is in one of them, as it ended", async () => {
    const queue = await forgottenQueue();
    const ids = await finish(queue, 16, 1);
    await project();
    await must("POST", `/v1/queues/${queue}/redrive`, { body: {} });
    for (const { lease } of await claim(queue, { max: 100 })) await succeed(lease, { again: true });
    await two.project();
    const lies = await whereIs(queue);
    const found = [...lies.DB, ...lies.HISTORY_DB_1, ...lies.HISTORY_DB_2];
    expect(idsOf(found)).toEqual(ids);
    expect(new Set(found.map(({ state }) => state))).toEqual(new Set(["succeeded"]));
    await keepOn(queue);
    await leave(ids, DAY_MS + HOUR_MS);
    expect(await two.must("POST", `/v1/queues/${queue}/redrive`, { body: {} })).toMatchObject({ matched: 0 });
    expect(await two.must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 16, failed: 0 } });
  });

  it("deletes what a filter selects, and what is older than its retention, in each of them", async () => {
    const queue = await forgottenQueue();
    const before = await finish(queue, 12);
    await project();
    const after = await finish(queue, 12);
    await two.project();
    const all = [...before, ...after].sort();
    await keepOn(queue);
    await leave(all, DAY_MS + HOUR_MS);
    const operation = await two.begin<OperationView>("POST", "/v1/operations", {
      body: { action: "delete", filter: { queue, state: "failed" } },
    });
    for (let i = 0; i < 2; i++) await two.cron();
    expect(await two.must("GET", `/v1/operations/${operation.body.id}`)).toMatchObject({
      state: "done",
      progress: { scanned: 24, matched: 8, changed: 8 },
    });
    expect(await listed(two, `queue=${queue}&state=failed`)).toEqual([]);
    expect(await listed(two, `queue=${queue}`)).toHaveLength(16);
    await operation.ended;
    passTime(31 * DAY_MS);
    await two.cron();
    const lies = await whereIs(queue);
    expect([lies.DB, lies.HISTORY_DB_1]).toEqual([[], []]);
  });

  it("goes with its namespace, and each database has its size in metrics", async () => {
    const name = freshName("tenant");
    await must("PUT", `/v1/namespaces/${name}`, { body: {} });
    const headers = { "dure-namespace": name };
    const jobs = Array.from({ length: 16 }, (_, n) => ({ payload: n, orderingKey: `k${n}` }));
    await must("POST", "/v1/batches", { body: { jobs }, headers });
    const { jobs: claimed } = await must<{ jobs: { lease: string }[] }>("POST", "/v1/queues/default/claim", {
      body: { max: 100 },
      headers,
    });
    for (const { lease } of claimed)
      await must("POST", `/v1/leases/${lease}/succeed`, { body: { result: 1 }, headers });
    await three.project();
    await three.must("DELETE", `/v1/namespaces/${name}`);
    for (let i = 0; i < 6; i++) {
      passTime(130_000);
      for (let j = 0; j < 4; j++) await runAlarms();
      await three.cron();
    }
    expect((await three.call("GET", `/v1/namespaces/${name}`)).status).toBe(404);
    for (const { database } of three.databases) {
      const count = (table: string) =>
        database.prepare(`SELECT count(*) AS n FROM ${table} WHERE namespace = ?`).bind(name);
      expect([await count("jobs").first("n"), await count("history_pages").first("n")]).toEqual([0, 0]);
    }
    const metrics = (await three.call<string>("GET", "/metrics")).body;
    for (const database of ["DB", "HISTORY_DB_1", "HISTORY_DB_2"]) {
      expect(metrics).toMatch(new RegExp(`dure_database_bytes\\{database="${database}"\\} [1-9]`));
    }
  });

  it("who does not bind the database to which a shard has moved writes nothing of it elsewhere", async () => {
    const queue = await forgottenQueue();
    await finish(queue, 16);
    await three.project();
    const late = await finish(queue, 16);
    await one.project();
    const moved = late.filter((id) => three.homeOf(shardOf(id)) !== "DB");
    expect(moved.length).toBeGreaterThan(0);
    expect(idsOf((await whereIs(queue)).DB).filter((id) => moved.includes(id))).toEqual([]);
    await three.project();
    const lies = await whereIs(queue);
    expect(idsOf([...lies.DB, ...lies.HISTORY_DB_1, ...lies.HISTORY_DB_2])).toHaveLength(32);
  });
});
