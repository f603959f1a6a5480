import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuditView, ReadyView } from "../../contract/admin.ts";
import type { ShardApi } from "../../contract/rpc.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import { call, claimOne, evict, fail, freshName, must, newQueue, shard, submit } from "./api.ts";
import { passTime, resetClock, runCron, stopClock } from "./clock.ts";
import { auditNow, callThrough, replaced } from "./faults.ts";

afterEach(resetClock);

const HEAD = { v: 1, epoch: 1 } as const;
const MAP = initialMap(Number(env.SHARDS));

/** The object that has the only partition of a queue. */
function holderOf(queue: string) {
  return shard(ownerOf(MAP, slotOf("default", queue, 0)));
}

/** Gives the holder of `queue` a neighbour with as many more jobs as asked for, in every state: copies of those that `queue` has. */
async function crowd(queue: string, jobs: number): Promise<void> {
  await runInDurableObject(holderOf(queue), (_, { storage }) => {
    const columns = storage.sql
      .exec<{ name: string }>("SELECT name FROM pragma_table_info('jobs') WHERE name <> 'id' AND name <> 'queue'")
      .toArray()
      .map(({ name }) => name);
    const [{ ref } = { ref: 0 }] = storage.sql
      .exec<{ ref: number }>(
        `INSERT INTO queues (namespace, name, incarnation, version, settings)
         SELECT ?2, name, incarnation, version, json_set(settings, '$.namespace', ?2) FROM queues WHERE namespace = 'default' AND name = ?1
         RETURNING ref`,
        queue,
        freshName("neighbour"),
      )
      .toArray();
    storage.sql.exec(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       INSERT INTO jobs (id, queue, ${columns.join(", ")})
       SELECT j.id || '-' || ?3 || '-' || i, ?3, ${columns.join(", ")}
       FROM n, (SELECT * FROM jobs WHERE queue = (SELECT ref FROM queues WHERE namespace = 'default' AND name = ?1)) AS j`,
      queue,
      Math.ceil(jobs / 3),
      ref,
    );
  });
  await evict();
}

/** The rows that a call of the shard reads. */
async function rowsRead<Name extends keyof ShardApi>(
  queue: string,
  name: Name,
  request: Parameters<ShardApi[Name]>[0],
): Promise<number> {
  let rows = 0;
  await runInDurableObject(holderOf(queue), async (instance, { storage }) => {
    const real = storage.sql;
    const exec = (query: string, ...params: unknown[]) => {
      const cursor = real.exec(query, ...params);
      const found = cursor.toArray();
      rows += cursor.rowsRead;
      return { toArray: () => found, rowsWritten: cursor.rowsWritten };
    };
    Object.defineProperty(storage, "sql", { value: replaced(real, { exec }), configurable: true });
    const calls = instance as unknown as Record<string, (request: unknown) => Promise<unknown>>;
    await calls[name]?.(request);
    Object.defineProperty(storage, "sql", { value: real, configurable: true });
  });
  return rows;
}

describe("what a shard says of itself costs the same beside a neighbour with many jobs", () => {
  it("health, stats and one step of the audit", { timeout: 60_000 }, async () => {
    const queue = await newQueue({ partitions: 1, retry: { maxAttempts: 1 } });
    await submit({ queue });
    await fail((await claimOne(queue)).lease);
    await submit({ queue, delay: 1000 });
    await submit({ queue });
    const stats = { ...HEAD, namespace: "default", queue };
    const measure = async () => [
      await rowsRead(queue, "health", HEAD),
      await rowsRead(queue, "stats", stats),
      await rowsRead(queue, "audit", { ...HEAD, walk: true }),
    ];
    // A walk along an index looks at the entry behind its end: there is one from the first neighbour on.
    await crowd(queue, 3);
    const [health, ofStats] = await measure();
    await crowd(queue, 2_000);
    const beside = await measure();
    await crowd(queue, 30_000);
    const [...crowded] = await measure();
    expect(beside.slice(0, 2)).toEqual([health, ofStats]);
    expect(crowded.slice(0, 2)).toEqual([health, ofStats]);
    // A step of the audit goes no further than its rows, each with its key, its rules, and what those ask.
    expect(Math.max(...beside.slice(2), ...crowded.slice(2))).toBeLessThanOrEqual(5_000);
  });
});

describe("/readyz", () => {
  it("is degraded when the last round of the cron ended long ago, and well before the first", async () => {
    await env.CACHE.delete("cron-round");
    const ready = () => callThrough<ReadyView>({ ...env }, ["GET", "/readyz"]);
    expect((await ready()).body).toMatchObject({ status: "ok", checks: { cron: { ok: true, ageSeconds: null } } });
    await runCron();
    expect((await ready()).body).toMatchObject({ status: "ok", checks: { cron: { ok: true } } });
    passTime(6 * 60_000);
    const { status, body } = await ready();
    expect([status, body.status]).toEqual([200, "degraded"]);
    expect(body.checks.cron).toMatchObject({ ok: false });
    expect(body.checks.cron.ageSeconds).toBeGreaterThanOrEqual(300);
  });

  it("asks three shards at most, wakes none, and not again within a second", async () => {
    stopClock();
    const asked: string[] = [];
    const SHARD = replaced(env.SHARD, {
      getByName: (id: string) =>
        replaced(env.SHARD.getByName(id), {
          health: (request: typeof HEAD) => {
            asked.push(id);
            return env.SHARD.getByName(id).health(request);
          },
          wake: () => Promise.reject(new Error("nobody is to be woken")),
        }),
    });
    const bindings = { ...env, SHARD };
    const all = await Promise.all(Array.from({ length: 8 }, () => callThrough(bindings, ["GET", "/readyz"])));
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    // Two callers ask at once; the others get their answer.
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.length).toBeGreaterThanOrEqual(3);
  });
});

it("/metrics asks each shard once in five seconds, however often it is scraped", async () => {
  stopClock();
  let asked = 0;
  const SHARD = replaced(env.SHARD, {
    getByName: (id: string) =>
      replaced(env.SHARD.getByName(id), {
        health: (request: typeof HEAD) => {
          asked += 1;
          return env.SHARD.getByName(id).health(request);
        },
        wake: () => Promise.reject(new Error("nobody is to be woken")),
      }),
  });
  const bindings = { ...env, SHARD };
  for (let i = 0; i < 5; i++) {
    expect((await callThrough<string>(bindings, ["GET", "/metrics"])).body).toContain("dure_jobs{");
  }
  expect(asked).toBe(Number(env.SHARDS));
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 5_001);
  await callThrough(bindings, ["GET", "/metrics"]);
  expect(asked).toBe(2 * Number(env.SHARDS));
});

describe("/v1/audit", () => {
  it("asks each shard once in a second, however often it is asked for, and again where it is to be fresh", async () => {
    let asked = 0;
    const SHARD = replaced(env.SHARD, {
      getByName: (id: string) =>
        replaced(env.SHARD.getByName(id), {
          audit: (request: Parameters<ShardApi["audit"]>[0]) => {
            asked += 1;
            return env.SHARD.getByName(id).audit(request);
          },
        }),
    });
    const bindings = { ...env, SHARD };
    const ask = (query = "") => callThrough<AuditView>(bindings, ["GET", `/v1/audit${query}`]);
    stopClock();
    const { body } = await ask();
    expect(asked).toBe(body.shards);
    for (let i = 0; i < 20; i++) expect((await ask()).body).toEqual(body);
    expect(asked).toBe(body.shards);
    expect((await ask("?fresh=true")).status).toBe(200);
    expect(asked).toBeGreaterThanOrEqual(2 * body.shards);
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 1_000);
    const later = await ask();
    expect(Date.parse(later.body.checkedAt)).toBeGreaterThan(Date.parse(body.checkedAt));
  });

  it("of a large shard tells what is known at once, and waits for a fresh pass where it is asked to", {
    timeout: 120_000,
  }, async () => {
    const queue = await newQueue({ partitions: 1 });
    // One that can expire has a row of its own, which is copied and damaged.
    const alone = { queue, expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    for (let i = 0; i < 3; i++) await submit(alone);
    await crowd(queue, 5_000);
    const { id } = await submit(alone);
    const holder = ownerOf(MAP, slotOf("default", queue, 0));
    await runInDurableObject(holderOf(queue), (_, { storage }) => {
      storage.sql.exec("UPDATE jobs SET state = 'running' WHERE id = ?", id);
    });
    const named = ({ violations }: AuditView) =>
      violations.filter(({ detail }) => detail.startsWith(id)).map(({ rule, shard: of }) => [rule, of]);
    expect(named(await auditNow())).toEqual([]);
    const fresh = await must<AuditView>("GET", "/v1/audit?fresh=true");
    expect([fresh.ok, named(fresh)]).toEqual([false, [["running-has-lease", holder]]]);
    const pass = fresh.passes.find((one) => one.shard === holder);
    expect(pass?.rows).toBeGreaterThan(10_000);
    expect(Date.parse(pass?.finishedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(pass?.startedAt ?? ""));
    // What a pass has found is told until the next one has ended.
    await runInDurableObject(holderOf(queue), (_, { storage }) => {
      storage.sql.exec("UPDATE jobs SET state = 'queued' WHERE id = ?", id);
    });
    expect(named(await auditNow())).toEqual([["running-has-lease", holder]]);
    await runCron();
    expect(named(await auditNow())).toEqual([]);
  });

  it("takes no other word for `fresh`", async () => {
    expect(await call("GET", "/v1/audit?fresh=soon")).toMatchObject({ status: 400 });
  });
});
