import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditView, ClusterView, ReadyView } from "../../contract/admin.ts";
import type { ExplainView } from "../../contract/job.ts";
import { RELEASE } from "../../contract/release.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import {
  call,
  claim,
  claimOne,
  evict,
  fail,
  freshName,
  must,
  newQueue,
  putQueue,
  shards,
  submit,
  succeed,
} from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { auditNow, callThrough } from "./faults.ts";
import { project, work } from "./processor.ts";

afterEach(resetClock);

const HOUR_MS = 3_600_000;

function explain(id: string): Promise<ExplainView> {
  return must("GET", `/v1/jobs/${id}/explain`);
}

/** Explains from disk: nothing in memory survives to help. */
async function explainCold(id: string): Promise<ExplainView> {
  await evict();
  return explain(id);
}

/** Asked of an isolate that remembers nothing. */
async function readyz(): Promise<ReadyView> {
  return (await callThrough<ReadyView>({ ...env }, ["GET", "/readyz"])).body;
}

function audit(): Promise<AuditView> {
  return auditNow();
}

describe("explain says why a job is not running", () => {
  it("ready: the next claim takes it", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    expect(await explainCold(id)).toMatchObject({ state: "queued", reason: "ready", blockedBy: null, ahead: 0 });
    expect((await claimOne(queue)).id).toBe(id);
  });

  it("scheduled: until its time", async () => {
    const queue = await newQueue();
    const runAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000).toISOString();
    const { id } = await submit({ queue, runAt });
    expect(await explainCold(id)).toMatchObject({ state: "scheduled", reason: "scheduled", estimatedStartAt: runAt });
  });

  it("retrying: until its backoff is over", async () => {
    const queue = await newQueue({ retry: { delay: 100, maxDelay: 1000, jitter: "none" } });
    const { id } = await submit({ queue });
    await fail((await claimOne(queue)).lease);
    const explained = await explainCold(id);
    expect(explained).toMatchObject({ state: "scheduled", reason: "retrying" });
    const wait = Date.parse(explained.estimatedStartAt ?? "") - Date.now();
    expect(wait).toBeGreaterThan(90_000);
    expect(wait).toBeLessThanOrEqual(100_000);
  });

  it("paused: with its queue", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await must("POST", `/v1/queues/${queue}/pause`);
    expect(await explainCold(id)).toMatchObject({ state: "queued", reason: "paused" });
    await must("POST", `/v1/queues/${queue}/resume`);
    expect(await explain(id)).toMatchObject({ reason: "ready" });
  });

  it("ordering: names the job before it", async () => {
    const queue = await newQueue();
    const first = await submit({ queue, orderingKey: "k", delay: 100 });
    const second = await submit({ queue, orderingKey: "k" });
    const third = await submit({ queue, orderingKey: "k" });
    expect(await explainCold(second.id)).toMatchObject({ reason: "ordering", blockedBy: first.id });
    expect(await explain(third.id)).toMatchObject({ reason: "ordering", blockedBy: first.id });
    expect(await explain(first.id)).toMatchObject({ reason: "scheduled", blockedBy: null });
  });

  it("concurrency: as many run as the queue allows", async () => {
    const queue = await newQueue({ concurrency: 2 });
    const jobs = [await submit({ queue }), await submit({ queue }), await submit({ queue })];
    expect(await claim(queue)).toHaveLength(2);
    expect(await explainCold(jobs[2]?.id ?? "")).toMatchObject({ state: "queued", reason: "concurrency" });
    expect(await claim(queue)).toEqual([]);
  });

  it("priority: how many go first", async () => {
    const queue = await newQueue({ partitions: 1 });
    const low = await submit({ queue, priority: 1 });
    const same = await submit({ queue, priority: 1 });
    await submit({ queue, priority: 9 });
    expect(await explainCold(low.id)).toMatchObject({ reason: "priority", ahead: 1 });
    expect(await explain(same.id)).toMatchObject({ reason: "priority", ahead: 2 });
  });

  it("no-worker: nobody has claimed for 30 s", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    passTime(31_000);
    expect(await explain(id)).toMatchObject({ state: "queued", reason: "no-worker" });
    await claim(queue);
    expect(await explain(id)).toMatchObject({ reason: "running" });
  });

  it("no-executor: no processor has come to its lane for 10 s; and readyz, the audit and metrics say so after a minute", async () => {
    const queue = await newQueue({ target: { type: "handler", name: "noop" }, lane: "slow" });
    const { id } = await submit({ queue });
    expect(await explain(id)).toMatchObject({ state: "queued", reason: "ready", since: null });
    passTime(11_000);
    await runAlarms();
    const { reason, since, detail } = await explainCold(id);
    expect(reason).toBe("no-executor");
    expect(Date.now() - Date.parse(since ?? "")).toBeGreaterThanOrEqual(11_000);
    expect(detail).toContain("Nobody has come for the handler jobs of lane slow for 1");
    await runCron();
    expect(await readyz()).toMatchObject({
      status: "ok",
      checks: { processor: { ok: true, waitingSeconds: expect.any(Number) } },
    });
    expect(await audit()).toMatchObject({ ok: true });

    passTime(60_000);
    await evict();
    // The shard that the round has noted is asked each time, whichever others are.
    for (let i = 0; i < 6; i++) {
      const { status, checks } = await readyz();
      expect({ status, ...checks.processor }).toMatchObject({ status: "degraded", ok: false });
      expect(checks.processor.waitingSeconds).toBeGreaterThanOrEqual(71);
    }
    expect(await audit()).toMatchObject({ ok: false, violations: [{ rule: "work-has-executor" }] });
    expect((await call("GET", "/metrics")).body).toMatch(
      /dure_executor_away_seconds\{lane="slow",executor="processor"\} [78]\d/,
    );

    await work("slow");
    expect(await explain(id)).toMatchObject({ state: "succeeded" });
    expect(await readyz()).toMatchObject({ status: "ok", checks: { processor: { ok: true, waitingSeconds: null } } });
    expect(await audit()).toMatchObject({ ok: true });
    const { shards: views } = await must<ClusterView>("GET", "/v1/cluster");
    const executor = { lane: "slow", executor: "processor", version: RELEASE, visitedAt: expect.any(String) };
    expect(views.flatMap(({ executors }) => executors)).toContainEqual({ ...executor, waitingSince: null });
  });

  it("running: on whom", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await claimOne(queue, { worker: "host-1" });
    const explained = await explainCold(id);
    expect(explained).toMatchObject({ state: "running", reason: "running" });
    expect(explained.detail).toContain("host-1");
  });

  it("final: in the shard, and in history", async () => {
    const queue = await newQueue();
    const { id } = await submit({ queue });
    await succeed((await claimOne(queue)).lease);
    expect(await explainCold(id)).toMatchObject({ state: "succeeded", reason: "final" });
    await project();
    passTime(HOUR_MS + 1000);
    await runAlarms();
    expect(await explainCold(id)).toMatchObject({ state: "succeeded", reason: "final" });
  });

  it("404 for a job that is not there", async () => {
    const other = await submit({ queue: await newQueue() });
    const id = other.id.slice(0, -4) + (other.id.endsWith("0000") ? "1111" : "0000");
    expect(await call("GET", `/v1/jobs/${id}/explain`)).toMatchObject({ status: 404, body: { code: "job-not-found" } });
  });

  it("every job that waits, waits for something that a claim or the clock ends", async () => {
    const queue = await newQueue({ concurrency: 3, partitions: 1, retry: { delay: 60, jitter: "none" } });
    const bodies = Array.from({ length: 24 }, (_, i) => ({
      queue,
      priority: i % 10,
      ...(i % 3 === 0 ? { orderingKey: `k${i % 2}` } : {}),
      ...(i % 5 === 0 ? { delay: 100 } : {}),
    }));
    const jobs = [];
    for (const body of bodies) jobs.push(await submit(body));
    await claim(queue, { max: 1 });
    await fail((await claimOne(queue)).lease);
    await claim(queue, { max: 5 });
    await evict();
    const seen = new Set<string>();
    for (const { id } of jobs) {
      const { state, reason, detail, blockedBy } = await explain(id);
      seen.add(reason);
      expect(detail).not.toBe("");
      if (reason === "ordering") {
        const head = await explain(blockedBy ?? "");
        expect(["scheduled", "queued", "running"]).toContain(head.state);
        expect(head.reason).not.toBe("ordering");
      }
      if (reason === "running") expect(state).toBe("running");
    }
    expect(seen).toEqual(new Set(["running", "retrying", "scheduled", "ordering", "concurrency"]));
  });
});

describe("the audit", () => {
  it("finds nothing wrong with jobs in every state", async () => {
    const queue = await newQueue({ retry: { maxAttempts: 1 } });
    await submit({ queue, delay: 1000 });
    await submit({ queue, orderingKey: "a", delay: 50 });
    await submit({ queue, orderingKey: "a" });
    for (const end of [succeed, fail]) {
      await submit({ queue });
      await end((await claimOne(queue)).lease);
    }
    await submit({ queue });
    await claimOne(queue);
    const { id } = await submit({ queue });
    await must("POST", `/v1/jobs/${id}/cancel`);
    await evict();
    const report = await audit();
    expect(report).toMatchObject({ ok: true, shards: Number(env.SHARDS), violations: [] });
    expect(Math.abs(Date.parse(report.checkedAt) - Date.now())).toBeLessThan(10_000);
  });

  /** Damage that no call could do, what it breaks, and how to leave a queue with a job in that place. */
  const FAULTS: [rule: string, damage: string, prepare: (queue: string) => Promise<string>][] = [
    [
      "queued-reachable",
      "UPDATE jobs SET blocked = 1 WHERE id = ?",
      async (queue) => (await submit({ queue, orderingKey: "lost" })).id,
    ],
    [
      "one-open-job-a-key",
      "UPDATE jobs SET blocked = 0 WHERE id = ?",
      async (queue) => {
        await submit({ queue, orderingKey: "k" });
        return (await submit({ queue, orderingKey: "k" })).id;
      },
    ],
    [
      "running-has-lease",
      "UPDATE jobs SET due_at = NULL, lease_ends_at = NULL WHERE id = ?",
      async (queue) => {
        await submitAlone({ queue });
        return (await claimOne(queue)).id;
      },
    ],
    [
      "scheduled-has-due-time",
      "UPDATE jobs SET due_at = NULL WHERE id = ?",
      async (queue) => (await submit({ queue, delay: 60 })).id,
    ],
    [
      "final-is-at-rest",
      "UPDATE jobs SET due_at = 1e15 WHERE id = ?",
      async (queue) => {
        const { id } = await submitAlone({ queue });
        await must("POST", `/v1/jobs/${id}/cancel`);
        return id;
      },
    ],
    [
      "final-is-logged",
      "UPDATE jobs SET state = 'failed', finished_at = 1 WHERE id = ?",
      async (queue) => (await submitAlone({ queue })).id,
    ],
    ["counts-equal-rows", "DELETE FROM jobs WHERE id = ?", async (queue) => (await submitAlone({ queue })).id],
    ["queue-known", "UPDATE jobs SET queue = 999 WHERE id = ?", async (queue) => (await submitAlone({ queue })).id],
    [
      "slot-is-place",
      "UPDATE jobs SET slot = slot + 1 WHERE id = ?",
      async (queue) => (await submitAlone({ queue })).id,
    ],
    [
      "slot-owned",
      "UPDATE jobs SET partition = ?2, slot = ?3 WHERE id = ?1",
      async (queue) => (await submitAlone({ queue })).id,
    ],
  ];

  it.each(FAULTS)("finds and names a row that breaks %s", async (rule, damage, prepare) => {
    const queue = freshName("damaged");
    await putQueue(queue, {});
    const id = await prepare(queue);
    expect((await audit()).violations).toEqual([]);
    const undo = await damageJob(id, damage, queue);
    const { ok, violations } = await audit().finally(undo);
    expect(ok).toBe(false);
    expect(violations.map((violation) => violation.rule)).toContain(rule);
    expect((await audit()).violations).toEqual([]);
  });

  it("finds a deadline without an alarm", async () => {
    const { id } = await submit({ queue: await newQueue(), delay: 3000 });
    const holder = await holderOf(id);
    await runInDurableObject(holder.stub, (_, state) => state.storage.deleteAlarm());
    const { ok, violations } = await audit();
    expect(ok).toBe(false);
    expect(violations).toContainEqual({ shard: holder.id, rule: "deadline-has-alarm", detail: expect.any(String) });
    // The damage heals itself as soon as the object starts anew.
    await evict();
    expect(await audit()).toMatchObject({ ok: true, violations: [] });
  });

  it("an object that comes back writes no alarm that is set", async () => {
    const { id } = await submit({ queue: await newQueue(), delay: 3000 });
    const holder = await holderOf(id);
    let written = 0;
    const prototype = await runInDurableObject(
      holder.stub,
      (_, { storage }) => Object.getPrototypeOf(storage) as DurableObjectStorage,
    );
    const { setAlarm } = prototype;
    prototype.setAlarm = function (...args) {
      written += 1;
      return Reflect.apply(setAlarm, this, args);
    };
    const comesBack = async () => {
      written = 0;
      await evict();
      await runInDurableObject(holder.stub, (_, { storage }) => storage.getAlarm());
      return written;
    };
    try {
      expect(await comesBack()).toBe(0);
      await runInDurableObject(holder.stub, (_, { storage }) => storage.deleteAlarm());
      expect(await comesBack()).toBe(1);
    } finally {
      prototype.setAlarm = setAlarm;
    }
    expect(await audit()).toMatchObject({ ok: true, violations: [] });
  });

  it("takes no alarm for lost that the platform does not name for the moment in which it fires", async () => {
    const { id } = await submit({ queue: await newQueue(), delay: 3000 });
    const holder = await holderOf(id);
    let asked = 0;
    await runInDurableObject(holder.stub, (_, { storage }) => {
      const { getAlarm } = storage;
      Object.assign(storage, { getAlarm: async () => (++asked < 3 ? null : Reflect.apply(getAlarm, storage, [])) });
    });
    expect(await audit()).toMatchObject({ ok: true, violations: [] });
    expect(asked).toBe(3);
    await evict();
  });

  it("finds a pushed job that is ready when no alarm will ring for it again", async () => {
    const { id } = await submitAlone({ queue: await newQueue({ target: { type: "handler", name: "noop" } }) });
    const holder = await holderOf(id);
    // Nothing else of this shard has a deadline, and the first bell was lost: here nobody hears it.
    await runInDurableObject(holder.stub, async (_, { storage }) => {
      storage.sql.exec("DELETE FROM jobs WHERE id <> ?", id);
      storage.sql.exec("DELETE FROM packs");
      storage.sql.exec("DELETE FROM slices");
      await storage.deleteAlarm();
    });
    await holder.stub.wake({ v: 1, epoch: 1 });
    await runInDurableObject(holder.stub, (_, { storage }) => storage.deleteAlarm());
    const { ok, violations } = await audit();
    expect(ok).toBe(false);
    expect(violations).toContainEqual({ shard: holder.id, rule: "waiting-has-alarm", detail: expect.any(String) });
    await evict();
    expect(await audit()).toMatchObject({ ok: true, violations: [] });
    // Nobody will come for it, which the audit finds in a minute.
    await must("POST", `/v1/jobs/${id}/cancel`);
  });

  it("finds a job that should have been moved on a minute ago", async () => {
    const queue = await newQueue();
    await submit({ queue });
    await claimOne(queue, { leaseSeconds: 5 });
    passTime(120_000);
    const { violations } = await audit();
    expect(violations.map(({ rule }) => rule)).toContain("deadline-has-alarm");
    await runAlarms();
    expect(await audit()).toMatchObject({ ok: true });
  });
});

/** A job that has a row of its own: one that can expire lies in no pack. */
function submitAlone(input: Parameters<typeof submit>[0]): ReturnType<typeof submit> {
  return submit({ ...input, expiresAt: new Date(Date.now() + HOUR_MS).toISOString() });
}

async function holderOf(id: string): Promise<{ id: string; stub: ReturnType<typeof shards>[number]["stub"] }> {
  for (const entry of shards()) {
    const rows = await runInDurableObject(entry.stub, (_, state) =>
      state.storage.sql.exec("SELECT id FROM jobs WHERE id = ?", id).toArray(),
    );
    if (rows.length > 0) return entry;
  }
  throw new Error(`no shard holds ${id}`);
}

/** Runs `damage` on the job's row, and hands back the way to put the row as it was. */
async function damageJob(id: string, damage: string, queue: string): Promise<() => Promise<void>> {
  const holder = await holderOf(id);
  const row = await runInDurableObject(holder.stub, (_, { storage }) => {
    const before = storage.sql.exec("SELECT * FROM jobs WHERE id = ?", id).one();
    const partition = partitionElsewhere(queue, holder.id);
    if (damage.includes("?2")) storage.sql.exec(damage, id, partition, slotOf("default", queue, partition));
    else storage.sql.exec(damage, id);
    return before;
  });
  return () =>
    runInDurableObject(holder.stub, (_, { storage }) => {
      const names = Object.keys(row);
      const marks = names.map(() => "?").join(", ");
      storage.sql.exec(`INSERT OR REPLACE INTO jobs (${names.join(", ")}) VALUES (${marks})`, ...Object.values(row));
    });
}

/** A partition of the queue whose slot is another shard's. */
function partitionElsewhere(queue: string, holder: string): number {
  const map = initialMap(Number(env.SHARDS));
  let partition = 0;
  while (ownerOf(map, slotOf("default", queue, partition)) === holder) partition += 1;
  return partition;
}
