import fc from "fast-check";
import { expect, test } from "vitest";
import type { Explanation } from "../../../../../contract/rpc.ts";
import { NO_EXECUTOR_MS } from "../../../../../domain/bell.ts";
import { partitionShare, type QueueSettings } from "../../../../../domain/queue.ts";
import { LeaseTags } from "../../../../../durable-objects/shard/jobs/lease-tag.ts";
import { lane } from "../../../../lane.ts";
import { CALL, type Harness, only, RowHarness, settingsOf } from "../../../../rigs/shard-harness.ts";

/**
 * Explanations of random shards, checked against the rows by other means than the shard's own, and then believed: doing
 * what they say has to make the job run.
 */

interface Row {
  [column: string]: string | number | null;
  id: string;
  name: string;
  partition: number;
  rank: number;
  seq: number;
  state: string;
  blocked: number;
  ordering_key: string | null;
  concurrency_key: string | null;
  run_at: number;
  attempt: number;
  returned: number;
  spent_before: number;
  lease: string | null;
}

interface Start {
  at: number;
  queue: string;
  partition: number;
  key: string | null;
}

/** A shard with four queues, of which two share a namespace and one is pulled. */
class ExplainedShard {
  readonly h = new RowHarness();
  readonly queues = new Map<string, QueueSettings>();
  readonly starts: Start[] = [];
  /** When the processor last came. */
  visitedAt = 0;

  constructor(limits: Partial<QueueSettings>[]) {
    const places: Partial<QueueSettings>[] = [
      { name: "a" },
      { name: "b", weight: 3 },
      { name: "c", namespace: "other" },
      { name: "p", target: { type: "pull" } },
    ];
    for (const [i, place] of places.entries()) {
      const settings = settingsOf({ ...place, ...limits[i] });
      this.queues.set(settings.name, settings);
      this.h.core.configure({ ...CALL, queues: [settings] });
    }
  }

  queue(name: string): QueueSettings {
    const settings = this.queues.get(name);
    if (settings === undefined) throw new Error(`no queue ${name}`);
    return settings;
  }

  set(name: string, over: Partial<QueueSettings>): void {
    const before = this.queue(name);
    const after = { ...before, ...over, version: before.version + 1 };
    this.queues.set(name, after);
    this.h.core.configure({ ...CALL, queues: [after] });
    this.h.advance(1);
  }

  /** The concurrency key decides the partition, as it does in the gateway. */
  submit(name: string, over: NonNullable<Parameters<Harness["job"]>[0]>): void {
    const queue = this.queue(name);
    const place = over.concurrencyKey === "l" && (over.orderingKey ?? null) === null ? 1 : 0;
    const keyed = (over.concurrencyKey ?? over.orderingKey ?? null) !== null;
    const partition = (keyed ? place : (over.partition ?? 0)) % queue.partitions;
    this.h.submit([this.h.job({ ...over, partition }, queue)], { queues: [queue] });
  }

  rows(): Row[] {
    return this.h.sql.all<Row>(
      `SELECT id, name, partition, rank, seq, state, blocked, ordering_key, concurrency_key, run_at, attempt, returned, spent_before, lease
       FROM jobs JOIN queues ON ref = queue WHERE state IN ('scheduled', 'queued', 'running')`,
    );
  }

  row(id: string): Row {
    return only(this.rows().filter((row) => row.id === id));
  }

  /** Claims up to `room` jobs of the lane, or of a pull queue. Answers their ids. */
  take(room: number, pull: string | null = null): string[] {
    if (pull === null) this.visitedAt = this.h.now;
    const ids =
      pull === null
        ? this.h.take(room).map(({ id }) => id)
        : this.h.claim({ queue: pull, namespace: this.queue(pull).namespace, max: room }).map(({ job }) => job.id);
    for (const id of ids) {
      const { name, partition, concurrency_key } = this.row(id);
      this.starts.push({ at: this.h.now, queue: name, partition, key: concurrency_key });
    }
    return ids;
  }

  end(row: Row, how: "succeed" | "fail" = "succeed"): void {
    this.h[how](new LeaseTags().lease(row));
  }

  explain(id: string): Explanation {
    const { namespace } = this.queue(this.row(id).name);
    const reply = this.h.core.explain({ ...CALL, namespace, id });
    if (reply.type !== "explained") throw new Error(reply.type);
    return reply.explanation;
  }
}

/** Starts in the window that ends now; a start ahead of a clock that stepped back counts as now. */
function startsIn(shard: ExplainedShard, periodMs: number, of: (start: Start) => boolean): number {
  const { now } = shard.h;
  return shard.starts.filter((start) => of(start) && Math.min(start.at, now) >= now - periodMs).length;
}

/** Throws unless the explanation is true of the rows. */
function check(shard: ExplainedShard, row: Row, told: Explanation): void {
  const settings = shard.queue(row.name);
  const rows = shard.rows().filter(({ name }) => name === row.name);
  const running = rows.filter(({ state }) => state === "running");
  const ofKey = (other: { concurrency_key: string | null }) =>
    row.concurrency_key !== null && other.concurrency_key === row.concurrency_key;
  const ahead = rows.filter(
    ({ state, blocked, rank }) => state === "queued" && [0, 2].includes(blocked) && rank < row.rank,
  );
  expect(told.state).toBe(row.state);
  expect(told.detail).not.toBe("");
  if (row.state === "running") {
    expect(told.reason).toBe("running");
    return;
  }
  expect(settings.paused).toBe(told.reason === "paused");
  switch (told.reason) {
    case "paused":
      return;
    case "scheduled":
    case "retrying":
      expect(row).toMatchObject({ state: "scheduled", run_at: told.estimatedStartAt });
      expect(row.run_at).toBeGreaterThan(shard.h.now);
      expect(row.attempt > row.spent_before).toBe(told.reason === "retrying");
      return;
    case "ordering": {
      const blocker = only(rows.filter(({ id }) => id === told.blockedBy));
      expect(blocker).toMatchObject({ ordering_key: row.ordering_key });
      expect(blocker.seq < row.seq || blocker.state === "running").toBe(true);
      return;
    }
    case "concurrency": {
      const [, n, most] = /(\d+)\/(\d+)/.exec(told.detail) ?? [];
      const key = told.detail.includes("key");
      const share = partitionShare(settings.concurrency ?? 0, settings.partitions, row.partition);
      expect(Number(most)).toBe(key ? settings.perKeyConcurrency : share);
      expect(Number(n)).toBe(running.filter((r) => (key ? ofKey(r) : r.partition === row.partition)).length);
      expect(Number(n)).toBeGreaterThanOrEqual(Number(most));
      return;
    }
    case "rate": {
      const key = told.detail.includes("key");
      const rate = key ? settings.perKeyRate : settings.rate;
      if (rate === null) throw new Error("there is no rate");
      const limit = key ? rate.limit : partitionShare(rate.limit, settings.partitions, row.partition);
      const counted = startsIn(
        shard,
        rate.periodMs,
        (start) =>
          start.queue === row.name && (key ? start.key === row.concurrency_key : start.partition === row.partition),
      );
      expect(counted).toBeGreaterThanOrEqual(limit);
      expect(told.estimatedStartAt).toBeGreaterThan(shard.h.now);
      return;
    }
    case "priority":
      expect(told.ahead).toBeGreaterThan(0);
      expect(told.ahead).toBeLessThanOrEqual(ahead.filter((r) => !told.detail.includes("key") || ofKey(r)).length);
      return;
    case "fairness":
      expect(told.ahead).toBeGreaterThan(0);
      expect(
        shard.rows().some(({ name, state, blocked }) => name !== row.name && state === "queued" && blocked === 0),
      ).toBe(true);
      return;
    case "no-worker":
      expect(settings.target.type).toBe("pull");
      return;
    case "no-executor":
      expect(settings.target.type).toBe("handler");
      expect(told.since).toBeGreaterThanOrEqual(shard.visitedAt);
      expect(told.since).toBeLessThanOrEqual(shard.h.now - NO_EXECUTOR_MS);
      return;
    case "ready":
      expect(told).toMatchObject({ ahead: 0, estimatedStartAt: shard.h.now });
      expect([0, 2]).toContain(row.blocked);
      return;
    default:
      throw new Error(`not a reason of an unfinished job here: ${told.reason}`);
  }
}

/** Does what the explanations of a job say until it runs. Throws when that leads nowhere. */
function makeRun(shard: ExplainedShard, id: string): void {
  for (let i = 0; i < 1000; i++) {
    const row = shard.row(id);
    if (row.state === "running") return;
    const told = shard.explain(id);
    check(shard, row, told);
    obey(shard, row, told);
  }
  throw new Error(`${id} does not run: ${JSON.stringify(shard.explain(id))}`);
}

function obey(shard: ExplainedShard, row: Row, told: Explanation): void {
  const settings = shard.queue(row.name);
  const pull = settings.target.type === "pull" ? row.name : null;
  switch (told.reason) {
    case "paused":
      shard.set(row.name, { paused: false });
      return;
    case "scheduled":
    case "retrying":
      shard.h.advance((told.estimatedStartAt ?? 0) - shard.h.now);
      return;
    case "rate": {
      shard.h.advance((told.estimatedStartAt ?? 0) - shard.h.now);
      // With nobody ahead, that was the time.
      if (told.ahead === 0)
        expect(["ready", "fairness", "no-worker", "no-executor", "priority"]).toContain(shard.explain(row.id).reason);
      return;
    }
    case "ordering": {
      makeRun(shard, told.blockedBy ?? "");
      shard.end(shard.row(told.blockedBy ?? ""));
      return;
    }
    case "concurrency": {
      const key = told.detail.includes("key");
      const running = shard
        .rows()
        .find(
          (r) =>
            r.name === row.name &&
            r.state === "running" &&
            (key ? r.concurrency_key === row.concurrency_key : r.partition === row.partition),
        );
      if (running === undefined) throw new Error("nothing runs");
      shard.end(running);
      return;
    }
    case "priority":
      // Somebody does go first.
      expect(shard.take(1, pull)).toEqual([expect.not.stringMatching(row.id)]);
      return;
    case "fairness": {
      const names = shard.take(told.ahead ?? 0).map((id) => shard.row(id).name);
      expect(names).toHaveLength(told.ahead ?? 0);
      expect(names).not.toContain(row.name);
      expect(["ready", "concurrency"]).toContain(shard.explain(row.id).reason);
      return;
    }
    case "no-worker":
    case "no-executor":
      shard.take(1, pull);
      expect(shard.explain(row.id).reason).not.toBe(told.reason);
      return;
    case "ready":
      expect(shard.take(1, pull)).toEqual([row.id]);
      return;
    default:
      throw new Error(`cannot do anything about ${told.reason}`);
  }
}

const anyRate = fc.option(
  fc.record({ limit: fc.integer({ min: 2, max: 4 }), periodMs: fc.constantFrom(1000, 20_000) }),
);
const anyLimits = fc.record({
  partitions: fc.constantFrom(1, 2),
  concurrency: fc.option(fc.integer({ min: 2, max: 5 })),
  rate: anyRate,
  perKeyConcurrency: fc.option(fc.integer({ min: 1, max: 2 })),
  perKeyRate: anyRate,
});
const anyQueue = fc.constantFrom("a", "b", "c", "p");
const anyStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      queue: anyQueue,
      count: fc.integer({ min: 1, max: 3 }),
      keys: fc.constantFrom(
        { concurrencyKey: null, orderingKey: null },
        { concurrencyKey: "k", orderingKey: null },
        { concurrencyKey: "l", orderingKey: null },
        { concurrencyKey: null, orderingKey: "x" },
        { concurrencyKey: "k", orderingKey: "x" },
      ),
      priority: fc.integer({ min: 0, max: 9 }),
      delayMs: fc.constantFrom(null, null, 5000),
      partition: fc.nat(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("take" as const),
      room: fc.integer({ min: 1, max: 5 }),
      pull: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("succeed" as const, "fail" as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 14_000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("pause" as const), queue: anyQueue, paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("limits" as const),
      queue: anyQueue,
      limits: anyLimits.map(({ partitions: _, ...limits }) => limits),
    }),
  },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

function act(shard: ExplainedShard, step: Step): void {
  switch (step.type) {
    case "submit": {
      const { type: _, queue, count, keys, ...job } = step;
      for (let i = 0; i < count; i++) shard.submit(queue, { ...job, ...keys });
      return;
    }
    case "take":
      shard.take(step.room, step.pull ? "p" : null);
      return;
    case "succeed":
    case "fail": {
      const running = shard.rows().filter(({ state }) => state === "running");
      const row = running[step.which % Math.max(1, running.length)];
      if (row !== undefined) shard.end(row, step.type);
      return;
    }
    case "wait":
      shard.h.advance(step.ms);
      return;
    case "pause":
      shard.set(step.queue, { paused: step.paused });
      return;
    case "restart":
      shard.h.restart();
      return;
    case "limits":
      shard.set(step.queue, step.limits);
      return;
  }
}

test("every unfinished job has one reason, which is true, and doing what it says makes the job run", {
  timeout: lane.timeoutMs,
}, () => {
  const reasons = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.array(anyLimits, { minLength: 4, maxLength: 4 }),
      fc.array(anyStep, { minLength: 10, maxLength: 50, size: "max" }),
      fc.nat(),
      (limits, steps, which) => {
        const shard = new ExplainedShard(limits);
        for (const step of steps) {
          act(shard, step);
          shard.h.advance(1);
        }
        expect(shard.h.broken()).toEqual([]);
        const rows = shard.rows();
        for (const row of rows) {
          const told = shard.explain(row.id);
          reasons.set(told.reason, (reasons.get(told.reason) ?? 0) + 1);
          check(shard, row, told);
        }
        const one = rows[which % Math.max(1, rows.length)];
        if (one !== undefined) makeRun(shard, one.id);
      },
    ),
    // A counterexample is told as it is found: to make it smaller takes minutes.
    { numRuns: lane.histories.explained, endOnFailure: true },
  );
  // The test would be worth nothing if it met only some of them.
  for (const reason of [
    "paused",
    "scheduled",
    "retrying",
    "ordering",
    "concurrency",
    "rate",
    "priority",
    "fairness",
    "ready",
  ]) {
    expect([reason, reasons.has(reason)]).toEqual([reason, true]);
  }
});
