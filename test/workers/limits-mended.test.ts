import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { JobListView } from "../../contract/job.ts";
import { takeBreaches } from "../limits/breaches.ts";
import { underLimits } from "../limits/invocation.ts";
import { call, evict, makeNamespace, must, newQueue, putQueue, ROOT, shards, submit } from "./api.ts";
import { passTime, resetClock, runCron } from "./clock.ts";
import { callThrough } from "./faults.ts";

/** What the platform's limits have found, at the size at which it would have gone beyond them. */

afterEach(resetClock);

/** Queries of D1 and uses of KV that a request may make here: far below the platform's, for the same work at a larger size. */
const FEW = { d1Queries: 30, kvOperations: 40 };

describe("a batch of 1,000 jobs in as many queues", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `many-${i}`);
  const jobs = names.map((queue) => ({ queue, payload: null }));

  it("that nobody knows makes a few reads", async () => {
    const { status, body } = await underLimits(FEW, () =>
      callThrough<BatchView>({ ...env }, ["POST", "/v1/batches"], { body: { jobs } }),
    );
    expect(status).toBe(422);
    expect(body.items).toHaveLength(1_000);
    for (const item of body.items) expect(item).toMatchObject({ problem: { code: "queue-not-found" } });
  });

  it("of which some are there makes as few, and takes the jobs of these", async () => {
    const known = names.filter((_, i) => i % 50 === 7);
    await Promise.all(known.map((queue) => putQueue(queue, {})));
    await env.CACHE.delete(`settings:default/${known[0]}`);
    const { body } = await underLimits(FEW, () =>
      callThrough<BatchView>({ ...env }, ["POST", "/v1/batches"], { body: { jobs } }),
    );
    expect(body.accepted).toBe(known.length);
    expect(body.items.map((item) => "id" in item)).toEqual(names.map((queue) => known.includes(queue)));
  });

  it("with an idempotency key does so too, when it is pinned and when it comes again", async () => {
    const options = {
      body: { jobs: [...jobs.slice(1), { queue: "default", payload: 1 }] },
      headers: { "idempotency-key": "many" },
    };
    const send = () => underLimits(FEW, () => callThrough<BatchView>({ ...env }, ["POST", "/v1/batches"], options));
    const first = await send();
    expect({ status: first.status, body: JSON.stringify(first.body).slice(0, 300) }).toMatchObject({ status: 202 });
    expect((await send()).body.id).toBe(first.body.id);
  });

  it("none of which is in KV publishes some of them", async () => {
    const stored = Array.from({ length: 60 }, (_, i) => `unpublished-${i}`);
    await Promise.all(stored.map((queue) => putQueue(queue, {})));
    await Promise.all(stored.map((queue) => env.CACHE.delete(`settings:default/${queue}`)));
    // A key takes one write a second: what comes sooner is refused.
    await new Promise((wake) => setTimeout(wake, 1_100));
    const { body } = await underLimits(FEW, () =>
      callThrough<BatchView>({ ...env }, ["POST", "/v1/batches"], {
        body: { jobs: stored.map((queue) => ({ queue, payload: null })) },
      }),
    );
    expect(body.accepted).toBe(stored.length);
    const published = async () => {
      const inKv = await Promise.all(stored.map((queue) => env.CACHE.get(`settings:default/${queue}`)));
      return inKv.filter((text) => text !== null).length;
    };
    // They are written behind the answer.
    await expect.poll(published, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(await published()).toBeLessThan(20);
  });
});

describe("a round of the cron", () => {
  /** More schedules, queues and namespaces than one round comes through. */
  const MANY = 900;

  beforeAll(async () => {
    await must("PUT", "/v1/schedules/one", { body: { cron: "0 0 1 1 *", job: { queue: "default", payload: 1 } } });
    await putQueue("one", {});
    await makeNamespace("one");
    const copies = (table: string, columns: string) =>
      `INSERT INTO ${table} SELECT ${columns} FROM ${table}, json_each(?1) AS n WHERE ${table}.name = 'one'`;
    const numbers = JSON.stringify(Array.from({ length: MANY }, (_, i) => String(i).padStart(4, "0")));
    const settings = (queue: string) => `json_set(settings, '$.name', 'one-' || n.value${queue})`;
    await env.DB.batch([
      env.DB.prepare(
        copies(
          "queues",
          `namespace, 'one-' || n.value, version, deleted, ${settings("")}, updated_at, 'one-' || n.value`,
        ),
      ).bind(numbers),
      env.DB.prepare(
        copies(
          "schedules",
          `namespace, 'one-' || n.value, version, deleted, 'one-' || n.value, ${settings(", '$.job.queue', 'one-' || n.value")}, updated_at`,
        ),
      ).bind(numbers),
    ]);
  });

  const scheduledIn = async () => {
    const replies = await Promise.all(
      shards().map(({ stub }) =>
        stub.scheduleStates({
          v: 1,
          epoch: 1,
          namespace: "default",
          names: Array.from({ length: MANY }, (_, i) => `one-${String(i).padStart(4, "0")}`),
        }),
      ),
    );
    return new Set(replies.flatMap(({ result }) => (Array.isArray(result) ? result : [])).map(({ name }) => name)).size;
  };

  it("stays below the platform's limits with hundreds of schedules and queues, and the next ones do the rest", {
    timeout: 120_000,
  }, async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    expect(await scheduledIn()).toBe(0);
    await runCron();
    expect(takeBreaches()).toEqual([]);
    const afterOne = await scheduledIn();
    expect(afterOne).toBeGreaterThan(0);
    expect(afterOne).toBeLessThan(MANY);
    for (let round = 0; round < 4 && (await scheduledIn()) < MANY; round++) {
      // Past KV's second: where a round has come to is noted there.
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      passTime(61_000);
      await runCron();
    }
    expect(await scheduledIn()).toBe(MANY);
  });
});

describe("a list with payloads and results", () => {
  it("of the largest ends early, with a cursor, and comes to its end page by page", { timeout: 120_000 }, async () => {
    const queue = await newQueue();
    const text = "x".repeat(250_000);
    const ids: string[] = [];
    for (let i = 0; i < 100; i++) ids.push((await submit({ queue, payload: text })).id);
    await evict();
    const seen: string[] = [];
    let cursor = "";
    for (let pages = 0; pages < 60; pages++) {
      const path = `/v1/jobs?queue=${queue}&include=payload,result&limit=200${cursor}`;
      const { status, body } = await underLimits({ aliveBytes: 20_000_000 }, () =>
        call<JobListView>("GET", path, { key: ROOT }),
      );
      expect(status).toBe(200);
      seen.push(...body.items.map(({ id }) => id));
      if (body.nextCursor === null) break;
      expect(body.items.length).toBeGreaterThan(0);
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual([...ids].sort().reverse());
  });
});
