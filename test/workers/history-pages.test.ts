import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobListView, JobView } from "../../contract/job.ts";
import { primary } from "../../workers/db/client.ts";
import { findJob } from "../../workers/db/history.ts";
import { jobsFromPages, newestPagesQuery } from "../../workers/db/history-pages.ts";
import { beginDeletion, deleteHistory, endDeletion } from "../../workers/db/namespace-deletion.ts";
import { call, claim, evict, existingAnywhere, fail, freshName, getJob, must, newQueue, submit } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { finishedJobs, pagesOf } from "./history.ts";
import { project } from "./processor.ts";

beforeEach(() => project());
afterEach(resetClock);

const HOUR_MS = 3_600_000;

/** Accepts `count` jobs in one batch and reports each as succeeded, in batches; answers the ids, ascending. */
async function finishMany(queue: string, count: number, fields: (i: number) => object = () => ({})): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, i) => ({ queue, payload: { i }, ...fields(i) }));
  const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body: { jobs } });
  for (let left = count; left > 0; ) {
    const claimed = await claim(queue, { max: 100 });
    const reports = claimed.map(({ lease, payload }) => ({ lease, ok: true, result: { of: payload } }));
    await must("POST", "/v1/reports", { body: { reports } });
    left -= claimed.length;
  }
  return items.map(({ id }) => id).sort();
}

/** What succeeded leaves its shard, so that history alone answers. */
async function leave(ids: string[]): Promise<void> {
  await project();
  passTime(HOUR_MS + 1000);
  for (let i = 0; i < 8; i++) await runAlarms();
  expect(await existingAnywhere(ids)).toEqual([]);
}

async function listAll(query: string, limit: number): Promise<JobListView["items"]> {
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

async function rowsWritten(work: () => Promise<unknown>): Promise<number> {
  const total = async () => {
    const tables = ["jobs", "history_pages", "history_counts", "projections"];
    const counts = await env.DB.batch<{ n: number }>(
      tables.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`)),
    );
    return counts.map(({ results }) => results[0]?.n ?? 0);
  };
  const before = await total();
  await work();
  const after = await total();
  return after.reduce((sum, n, i) => sum + n - (before[i] ?? 0), 0);
}

describe("succeeded jobs lie in pages", () => {
  it("of up to a hundred, none of them in a row of its own, each as its shard had it", async () => {
    const queue = await newQueue({ partitions: 1 });
    const ids = await finishMany(queue, 230, (i) => ({ tags: [`t${i % 3}`], priority: i % 10 }));
    const before = new Map<string, JobView>();
    for (const id of ids.slice(0, 20)) before.set(id, await getJob(id));
    expect(await rowsWritten(() => project())).toBeLessThanOrEqual(3 + 2);
    const pages = await pagesOf(queue);
    expect(pages.length).toBeLessThanOrEqual(4);
    expect(pages.reduce((sum, page) => sum + page.ids.length / 19, 0)).toBe(230);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM jobs WHERE queue = ?").bind(queue).first("n")).toBe(0);
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 230 } });
    await leave(ids);
    for (const [id, job] of before) expect(await getJob(id)).toEqual(job);
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 230 } });
    const [first = ""] = ids;
    const unknown = `${first.slice(0, -3)}000`;
    expect((await call("GET", `/v1/jobs/${unknown}`)).status).toBe(404);
    expect((await call("POST", `/v1/jobs/${first}/retry`)).status).toBe(409);
    expect(await must("GET", `/v1/jobs/${first}/explain`)).toMatchObject({ state: "succeeded", reason: "final" });
  });

  it("but for large ones, and those with a deduplication key, which have rows", async () => {
    const queue = await newQueue({ partitions: 1 });
    const payload = "x".repeat(70_000);
    const ids = await finishMany(queue, 6, (i) =>
      i < 2 ? { payload } : i < 4 ? { dedup: { key: `k${i}`, window: 3600 } } : {},
    );
    await project();
    const count = await env.DB.prepare("SELECT count(*) AS n FROM jobs WHERE queue = ?").bind(queue).first("n");
    expect([count, (await pagesOf(queue)).length]).toEqual([4, 1]);
    expect((await finishedJobs(queue)).map(({ id }) => id)).toEqual(ids);
  });

  it("attempts that failed before are told, without what their leases were made of", async () => {
    const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 3, delay: 0, maxDelay: 0 } });
    const { id } = await submit({ queue });
    const [first] = await claim(queue);
    await fail(first?.lease ?? "");
    passTime(1000);
    await runAlarms();
    const [second] = await claim(queue);
    await must("POST", `/v1/leases/${second?.lease}/succeed`, { body: { result: 1 } });
    const before = await getJob(id);
    expect(before.attempts).toHaveLength(2);
    await leave([id]);
    expect(await getJob(id)).toEqual(before);
    const [row] = await pagesOf(queue);
    const job = await findJob(primary(env.DB), "default", id);
    expect(row).toBeDefined();
    expect(JSON.stringify(job)).not.toContain("nonce");
  });

  it("a job that ended before, and succeeds after a redrive, is in one place", async () => {
    const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 1 } });
    const { id } = await submit({ queue });
    await fail((await claim(queue))[0]?.lease ?? "");
    await project();
    await must("POST", `/v1/jobs/${id}/retry`);
    await must("POST", `/v1/leases/${(await claim(queue))[0]?.lease}/succeed`, { body: { result: 1 } });
    await leave([id]);
    expect((await finishedJobs(queue)).map(({ state }) => state)).toEqual(["succeeded"]);
    expect(await listAll(`queue=${queue}&state=failed`, 10)).toEqual([]);
    expect((await getJob(id)).attempts).toHaveLength(2);
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 1, failed: 0 } });
  });
});

describe("lists of pages", () => {
  it("come in the order of ids over pages that lie side by side, whatever the limit and however they are filtered", async () => {
    const queue = await newQueue({ partitions: 8 });
    const other = await newQueue({ partitions: 2, retry: { maxAttempts: 1 } });
    const ids: string[] = [];
    for (let round = 0; round < 5; round++) {
      ids.push(
        ...(await finishMany(queue, 40, (i) => ({
          tags: [`round${round}`],
          ...(i % 4 === 0 ? { orderingKey: `k${i}` } : {}),
        }))),
      );
      await finishMany(other, 7);
      await project();
      passTime(round === 2 ? 60_000 : 1000);
    }
    const failed = await submit({ queue: other });
    await fail((await claim(other))[0]?.lease ?? "");
    await leave(ids);
    const wanted = ids.sort().reverse();
    expect((await pagesOf(queue)).length).toBeGreaterThan(5);
    for (const limit of [7, 33, 200]) {
      expect((await listAll(`queue=${queue}`, limit)).map(({ id }) => id)).toEqual(wanted);
    }
    const byTag = await listAll(`queue=${queue}&tag=round1`, 17);
    expect(byTag.map(({ id }) => id)).toEqual(wanted.filter((_, i) => byTag.some(({ id }) => id === wanted[i])));
    expect(byTag).toHaveLength(40);
    expect(await listAll(`queue=${queue}&orderingKey=k4`, 3)).toHaveLength(5);
    expect(await listAll(`queue=${queue}&state=succeeded`, 60)).toHaveLength(200);
    expect(await listAll(`queue=${queue}&state=cancelled`, 60)).toHaveLength(0);
    const all = (await listAll(`createdAfter=2020-01-01T00:00:00Z`, 50)).map(({ id }) => id);
    expect(all).toEqual([...all].sort().reverse());
    expect(all).toEqual(expect.arrayContaining([...wanted, failed.id]));
    expect(new Set(all).size).toBe(all.length);
  });

  it("read payloads, results and attempts where they are asked for, and not where they are not", async () => {
    const queue = await newQueue({ partitions: 1 });
    const ids = await finishMany(queue, 30);
    await leave(ids);
    const [bare] = await listAll(`queue=${queue}`, 10);
    expect(bare).not.toHaveProperty("payload");
    const [full] = await listAll(`queue=${queue}&include=payload,result,attempts`, 10);
    expect(full).toEqual(await getJob(full?.id ?? ""));
    const [half] = await listAll(`queue=${queue}&include=result`, 10);
    expect(half).toMatchObject({ result: full?.result });
    expect(half).not.toHaveProperty("payload");
  });

  it("go on where more pages lie at one time than one query names", async () => {
    const queue = await newQueue({ partitions: 1 });
    const ids = await finishMany(queue, 100);
    await leave(ids);
    // As many shards leave them: each page has a job of the beginning and one of the end of the same seconds.
    const [page] = await pagesOf(queue);
    const prefix = (page?.max_id ?? "").slice(0, 11);
    await env.DB.prepare("DELETE FROM history_pages WHERE queue = ?").bind(queue).run();
    const hex = ["records", "attempts", "results", "payloads"] as const;
    for (let i = 0; i < 60; i++) {
      const [low = "", high = ""] = [`00000000000000${String(10000 + i)}`, `zzzzzzzzzzzzzz${String(10000 + i)}`];
      await env.DB.prepare(
        `INSERT INTO history_pages (namespace, max_id, min_id, queue, n, finished_to, bytes, ids, ${hex.join(", ")})
         VALUES ('default', ?, ?, ?, 2, 0, 10, ?, ${hex.map((part) => `unhex('${page?.[part]}')`).join(", ")})`,
      )
        .bind(prefix + high, prefix + low, queue, low + high)
        .run();
    }
    const filter = {
      namespace: "default",
      queue,
      state: null,
      tag: null,
      orderingKey: null,
      createdAfter: null,
      createdBefore: null,
    };
    const request = { before: `${prefix}a`, limit: 1, include: { payload: false, result: false, attempts: false } };
    const db = primary(env.DB);
    const named = await newestPagesQuery(db, filter, request);
    expect(named).toHaveLength(51);
    // All of these end above and begin below, and so do those that were not named.
    const { jobs, scannedTo } = await jobsFromPages(db, { filter, request, named });
    expect([jobs.map(({ id }) => id), scannedTo]).toEqual([
      [`${prefix}0000000000000010059`],
      `${prefix}0000000000000010059`,
    ]);
    await env.DB.prepare("DELETE FROM history_pages WHERE queue = ?").bind(queue).run();
  });
});

describe("pages end", () => {
  it("when the retention of their queue does, and no sooner", async () => {
    const queue = await newQueue({ retention: 7200, idempotencyWindow: 1 });
    const ids = await finishMany(queue, 50);
    await leave(ids);
    passTime(HOUR_MS - 60_000);
    await runCron();
    expect(await finishedJobs(queue)).toHaveLength(50);
    passTime(180_000);
    await runCron();
    expect([await pagesOf(queue), await listAll(`queue=${queue}`, 50)]).toEqual([[], []]);
    expect((await call("GET", `/v1/jobs/${ids[0]}`)).status).toBe(404);
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 0 } });
  });

  it("for single jobs where a bulk operation deletes them: nothing of those is left, and the others stay", async () => {
    const queue = await newQueue({ partitions: 1 });
    const ids = await finishMany(queue, 40, (i) => ({ tags: [i % 2 === 0 ? "even" : "odd"], payload: `secret-${i}` }));
    await leave(ids);
    const { id } = await must<{ id: string }>("POST", "/v1/operations", {
      body: { action: "delete", filter: { queue, tag: "even" } },
    });
    for (let i = 0; i < 20; i++) {
      await runCron();
      const { state } = await must<{ state: string }>("GET", `/v1/operations/${id}`);
      if (state !== "running") break;
    }
    expect(await must("GET", `/v1/operations/${id}`)).toMatchObject({ progress: { matched: 20, changed: 20 } });
    await evict();
    const left = await listAll(`queue=${queue}&include=payload`, 7);
    expect(left).toHaveLength(20);
    expect(left.every(({ tags }) => tags.includes("odd"))).toBe(true);
    const stored = await finishedJobs(queue);
    expect(stored.filter(({ state }) => state === "discarded")).toHaveLength(20);
    expect(stored.filter(({ payload }) => /secret-\d*[02468]"/.test(payload))).toEqual([]);
    const gone = ids.filter((one) => !left.some((job) => job.id === one));
    expect((await call("GET", `/v1/jobs/${gone[0]}`)).status).toBe(404);
    expect(await getJob(left[0]?.id ?? "")).toMatchObject({ state: "succeeded" });
    expect(await must("GET", `/v1/queues/${queue}/stats`)).toMatchObject({ counts: { succeeded: 20 } });
  });

  it("with their namespace", async () => {
    const name = freshName("tenant");
    await must("PUT", `/v1/namespaces/${name}`, { body: {} });
    const headers = { "dure-namespace": name };
    const jobs = Array.from({ length: 30 }, () => ({ payload: 1 }));
    await must("POST", "/v1/batches", { body: { jobs }, headers });
    for (let i = 0; i < 16; i++) {
      const { jobs: claimed } = await must<{ jobs: { lease: string }[] }>("POST", "/v1/queues/default/claim", {
        body: { max: 100 },
        headers,
      });
      if (claimed.length === 0) break;
      await must("POST", "/v1/reports", {
        body: { reports: claimed.map(({ lease }) => ({ lease, ok: true })) },
        headers,
      });
    }
    await project();
    const count = () =>
      env.DB.prepare("SELECT coalesce(sum(n), 0) AS n FROM history_pages WHERE namespace = ?").bind(name).first("n");
    expect(await count()).toBe(30);
    const db = primary(env.DB);
    await beginDeletion(db, name, Date.now());
    expect(await endDeletion(db, name)).toBe(false);
    while ((await deleteHistory(db, name, 500)) > 0);
    const deleted = env.DB.prepare("SELECT history_deleted AS n FROM namespaces WHERE name = ?").bind(name);
    expect(await deleted.first("n")).toBe(30);
    expect(await count()).toBe(0);
  });
});
