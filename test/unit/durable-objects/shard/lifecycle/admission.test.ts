import { describe, expect, test } from "vitest";
import type { SpawnJob, Submitted } from "../../../../../contract/rpc.ts";
import { DEFAULT_NAMESPACE_LIMITS } from "../../../../../domain/namespace.ts";
import { initialMap, slotOf } from "../../../../../domain/slots.ts";
import type { ShardLimits } from "../../../../../durable-objects/shard/lifecycle/admission.ts";
import { STORED_BYTES } from "../../../../../durable-objects/shard/namespaces/stored-bytes.ts";
import { dedup } from "../../../../rigs/dedup-calls.ts";
import { ANY_FAILED, CALL, DAY, Harness, HOUR, MINUTE, SECOND } from "../../../../rigs/shard-harness.ts";
import { SpawnRig } from "../../../../rigs/spawn-rig.ts";

function types(results: Submitted[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of results) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

const full = (retryAfterMs: number) => ({ type: "full", scope: "queue", retryAfterMs });
const totals = (h: Harness) => h.core.wake(CALL).totals;

describe("a queue with maxBacklog", () => {
  test("takes so many waiting jobs and refuses the next, which costs nobody else", () => {
    const h = new Harness({ maxBacklog: 5 });
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 3 });
    const results = h.submit(h.jobs(4));
    expect(results.map(({ type }) => type)).toEqual(["accepted", "accepted", "full", "full"]);
    expect(results[2]).toEqual(full(60_000));
    expect(h.count("jobs")).toBe(5);
    expect(totals(h)).toMatchObject({ accepted: 5, refused: 2 });
  });

  test("counts what waits, in whatever way: ready, scheduled, blocked. What runs does not wait", () => {
    const h = new Harness({ maxBacklog: 4 });
    h.submit([h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" }), h.job({ delayMs: DAY }), h.job()]);
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
    h.take(1);
    expect(types(h.submit(h.jobs(2)))).toEqual({ accepted: 1, full: 1 });
  });

  test("knows after a restart what waits", () => {
    const h = new Harness({ maxBacklog: 5 });
    h.submit(h.jobs(5));
    h.restart();
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
  });

  test.each([
    [0, 60],
    [1, 70],
    [2, 80],
    [3, 90],
    [4, 100],
    [9, 100],
  ])("takes priority %i as long as fewer than %i of 100 wait", (priority, mark) => {
    const h = new Harness({ maxBacklog: 100 });
    h.submit(h.jobs(mark - 1));
    expect(types(h.submit(h.jobs(2, { priority })))).toEqual({ accepted: 1, full: 1 });
    expect(types(h.submit(h.jobs(100)))).toEqual(mark === 100 ? { full: 100 } : { accepted: 100 - mark, full: mark });
  });

  test("a limit that is lowered, raised and lifted holds from then on; what is there stays", () => {
    const h = new Harness({ maxBacklog: 10 });
    h.submit(h.jobs(10));
    h.configure({ maxBacklog: 5 });
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
    expect(h.count("jobs")).toBe(10);
    h.configure({ maxBacklog: 12 });
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 2, full: 1 });
    h.configure({ maxBacklog: null });
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 3 });
  });

  test("the backlog of one queue says nothing of another's", () => {
    const h = new Harness({ maxBacklog: 1 });
    h.submit([h.job()]);
    const other = { ...h.queue, name: "other" };
    expect(types(h.submit([h.job({}, other)], { queues: [other] }))).toEqual({ accepted: 1 });
    const mixed = [h.job(), h.job({ queue: 1 }, { ...other, name: "third" })];
    expect(h.submit(mixed, { queues: [h.queue, { ...other, name: "third" }] }).map(({ type }) => type)).toEqual([
      "full",
      "accepted",
    ]);
  });
});

describe("what is never refused", () => {
  test("a replay of an idempotency key, and a mismatch says what it is", () => {
    const h = new Harness({ maxBacklog: 1 });
    const first = h.job({ idempotency: { key: "k", hash: "a" } });
    h.submit([first]);
    const [again] = h.submit([h.job({ idempotency: { key: "k", hash: "a" } })]);
    expect(again).toMatchObject({ type: "replayed", id: first.id });
    expect(types(h.submit([h.job({ idempotency: { key: "k", hash: "b" } })]))).toEqual({ mismatch: 1 });
  });

  test("a refused job leaves no key behind: it is accepted when there is room", () => {
    const h = new Harness({ maxBacklog: 1 });
    h.submit([h.job()]);
    const keyed = () => h.job({ idempotency: { key: "k", hash: "a" } });
    expect(types(h.submit([keyed()]))).toEqual({ full: 1 });
    h.take();
    expect(types(h.submit([keyed()]))).toEqual({ accepted: 1 });
  });

  test("the very same submission, whose answer was lost", () => {
    const h = new Harness({ maxBacklog: 1 });
    const job = h.job();
    const first = h.submit([job]);
    expect(first).toMatchObject([{ type: "accepted" }]);
    expect(h.submit([job])).toEqual(first);
    expect(h.count("jobs")).toBe(1);
  });

  test("retries, redrives, and jobs that Dure brings itself", () => {
    const h = new Harness({ maxBacklog: 1 });
    const failed = h.accept();
    const { lease } = h.takeOne();
    const retried = h.accept();
    const second = h.takeOne();
    h.accept();
    h.fail(lease, { retryable: false });
    h.fail(second.lease);
    expect(h.state(retried)).toBe("scheduled");
    expect(h.retry(failed)).toBe("job");
    expect(types(h.submit([h.job()], { exempt: "own" }))).toEqual({ accepted: 1 });
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
  });
});

describe("an atomic batch", () => {
  test("is refused whole when one of its jobs finds no room", () => {
    const h = new Harness({ maxBacklog: 5 });
    h.submit(h.jobs(3));
    expect(h.submit(h.jobs(3), { atomic: true }).map(({ type }) => type)).toEqual(["refused", "refused", "full"]);
    expect(h.count("jobs")).toBe(3);
    expect(types(h.submit(h.jobs(2), { atomic: true }))).toEqual({ accepted: 2 });
  });
});

describe("when to come back", () => {
  /** A backlog of 100 that drains at half a job a second. */
  function draining(): Harness {
    const h = new Harness({ maxBacklog: 100 });
    h.submit(h.jobs(100));
    h.advance(MINUTE);
    run(h, 30);
    h.submit(h.jobs(30));
    return h;
  }

  function run(h: Harness, count: number): void {
    for (const { lease } of h.take(count)) h.succeed(lease);
  }

  test("follows how fast the queue drained over the last minute", () => {
    const h = draining();
    expect(h.submit([h.job()])).toEqual([full(2_000)]);
    expect(h.submit([h.job({ priority: 0 })])).toEqual([full(82_000)]);
  });

  test("each job of a request waits behind those that were refused before it", () => {
    const h = draining();
    expect(h.submit(h.jobs(3))).toEqual([full(2_000), full(4_000), full(6_000)]);
  });

  test("is a minute where nothing drains: nothing has, or the queue is paused", () => {
    const h = draining();
    h.configure({ paused: true });
    expect(h.submit([h.job()])).toEqual([full(60_000)]);
    h.configure({ paused: false });
    h.advance(2 * MINUTE);
    expect(h.submit([h.job()])).toEqual([full(60_000)]);
  });

  test("a sender that waits as long as it was told is accepted, if the queue goes on draining so", () => {
    const h = draining();
    const [refused] = h.submit([h.job({ priority: 0 })]);
    if (refused?.type !== "full") throw new Error("not full");
    for (let waited = 0; waited < refused.retryAfterMs; waited += 2 * SECOND) {
      h.advance(2 * SECOND);
      run(h, 1);
    }
    expect(types(h.submit([h.job({ priority: 0 })]))).toEqual({ accepted: 1 });
  });
});

describe("over partitions and shards", () => {
  test("a shard takes the shares of the partitions it owns, and follows the map", () => {
    const partitions = 8;
    const maxBacklog = 83;
    const map = initialMap(2);
    const h = new Harness({ partitions, maxBacklog }, map);
    const mine = Array.from({ length: partitions }, (_, i) => i).filter(
      (partition) => slotOf("default", "q", partition) < 2048,
    );
    const share = mine.reduce((sum, partition) => sum + 10 + (partition < 3 ? 1 : 0), 0);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(maxBacklog);
    const partition = mine[0] ?? 0;
    expect(types(h.submit(h.jobs(100, { partition })))).toEqual({ accepted: share, full: 100 - share });
    h.core.adopt({ epoch: 2, shards: [{ id: "shard-0", slots: [{ from: 0, to: 4095 }] }] });
    expect(types(h.submit(h.jobs(100, { partition })))).toEqual({
      accepted: maxBacklog - share,
      full: 100 - maxBacklog + share,
    });
  });
});

describe("a shard that is full", () => {
  const limited = (limits: { maxJobs?: number; maxBytes?: number }) => {
    const h = new Harness();
    h.limits = { maxJobs: 1_000_000, maxBytes: 2 ** 40, ...limits };
    h.restart();
    return h;
  };

  test("refuses by its unfinished jobs, low priorities first, and its running ones count", () => {
    const h = limited({ maxJobs: 100 });
    h.submit(h.jobs(90));
    h.take(50);
    expect(h.submit([h.job({ priority: 0 })])).toMatchObject([{ type: "full", scope: "shard" }]);
    expect(types(h.submit(h.jobs(20)))).toEqual({ accepted: 10, full: 10 });
    expect(totals(h).refused).toBe(11);
  });

  test("tells when by how fast jobs finish on it", () => {
    const h = limited({ maxJobs: 100 });
    h.submit(h.jobs(100));
    h.advance(MINUTE);
    for (const { lease } of h.take(30)) h.succeed(lease);
    h.submit(h.jobs(30));
    expect(h.submit([h.job()])).toEqual([{ type: "full", scope: "shard", retryAfterMs: 2_000 }]);
  });

  test("refuses by the size of its database, and looks again within a second", () => {
    const h = limited({ maxBytes: 600_000 });
    let accepted = 0;
    for (let i = 0; i < 100; i++) {
      h.now += SECOND;
      accepted += types(h.submit([h.job({ payload: JSON.stringify("x".repeat(20_000)) })])).accepted ?? 0;
    }
    expect(accepted).toBeGreaterThan(5);
    expect(accepted).toBeLessThan(40);
    expect(h.submit([h.job()])).toEqual([{ type: "full", scope: "shard", retryAfterMs: 60_000 }]);
  });

  test("refuses low priorities first by its bytes, too", () => {
    const h = limited({});
    h.accept();
    h.limits = { maxBytes: Math.ceil(h.sql.bytes() / 0.95) };
    h.restart();
    expect(h.submit([h.job({ priority: 0 })])).toMatchObject([{ type: "full", scope: "shard" }]);
    expect(types(h.submit([h.job({ priority: 4 })]))).toEqual({ accepted: 1 });
  });

  test("claims, reports, cancels and forgets as ever", () => {
    const h = new Harness();
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 3 });
    h.limits = { maxBytes: 1, maxJobs: 1 };
    h.restart();
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
    const [one, two, three] = h.take();
    expect(h.succeed(one?.lease ?? "")).toBe("recorded");
    expect(h.fail(two?.lease ?? "")).toBe("recorded");
    expect(h.extend(three?.lease ?? "", MINUTE).status).toBe("extended");
    expect(h.cancel(three?.id ?? "")).toBe("job");
    h.project();
    h.advance(2 * HOUR);
    expect(h.has(one?.id ?? "")).toBe(false);
  });

  test("replays all the same", () => {
    const h = new Harness();
    const job = h.job({ idempotency: { key: "k", hash: "a" } });
    h.submit([job]);
    h.limits = { maxBytes: 1, maxJobs: 1 };
    h.restart();
    expect(types(h.submit([h.job({ idempotency: { key: "k", hash: "a" } })]))).toEqual({ replayed: 1 });
  });
});

/** 5,002 bytes, which take 5,702 with the row that they lie in. */
const BIG = JSON.stringify("x".repeat(5_000));
const BIG_ROW = 5_702;

describe("what a step has taken in itself", () => {
  test("counts in the bytes of the shard, with its rows, and after it until the size is asked for again", () => {
    const h = new Harness();
    h.accept();
    h.limits = { maxBytes: h.sql.bytes() + 3 * BIG_ROW };
    h.restart();
    expect(types(h.submit(h.jobs(5, { payload: BIG })))).toEqual({ accepted: 3, full: 2 });
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
  });

  test("counts in the bytes of its namespace, with its rows, and after it", () => {
    const h = new Harness();
    h.namespace({ bytes: 3 * BIG_ROW + 5_001 });
    expect(types(h.submit(h.jobs(5, { payload: BIG })))).toEqual({ accepted: 3, full: 2 });
    expect(types(h.submit([h.job({ payload: BIG })]))).toEqual({ full: 1 });
  });

  test("and payloads that replace others in one submission do, by what they are longer", () => {
    const h = new Harness();
    const keys = ["a", "b", "c"].map((key) => dedup("replace", { key }));
    for (const key of keys) h.accept({ ...key, payload: "1" });
    h.namespace({ bytes: h.core.engine.get(STORED_BYTES).of("default") + 10_001 });
    const results = h.submit(keys.map((key) => h.job({ ...key, payload: BIG })));
    expect(results).toMatchObject([
      { type: "replayed" },
      { type: "full", scope: "namespace" },
      { type: "full", scope: "namespace" },
    ]);
    expect(types(h.submit([h.job({ ...keys[1], payload: '"x"' })]))).toEqual({ replayed: 1 });
  });

  test.each([
    ["the shard", (h: Harness) => h.core.wake(CALL).live + 2, null],
    ["its namespace", () => null, 7],
  ] as const)("and jobs that come back in line take places of %s from each other", (_what, maxJobs, unfinishedJobs) => {
    const h = new Harness();
    for (let i = 0; i < 4; i++) h.accept();
    for (const { lease } of h.take()) h.fail(lease, { retryable: false });
    h.submit(h.jobs(5));
    if (unfinishedJobs !== null) h.namespace({ unfinishedJobs });
    const limit = maxJobs(h);
    if (limit !== null) h.limits = { maxJobs: limit };
    if (limit !== null) h.restart();
    const request = { ...CALL, namespace: "default", queue: "q", filter: ANY_FAILED, after: null, limit: 10 };
    const how = { patch: null, spacing: null, dryRun: false };
    expect(h.core.redrive({ ...request, ...how })).toMatchObject({ redriven: 2, skipped: 2 });
  });

  test("and a payload that has grown does", () => {
    const h = new Harness();
    const ids = [h.accept({ payload: "1" }), h.accept({ payload: "1" })];
    h.limits = { maxBytes: h.sql.bytes() + 1 };
    h.restart();
    expect(ids.map((id) => h.patch(id, { payload: BIG }).type)).toEqual(["job", "full"]);
    expect(types(h.submit([h.job()]))).toEqual({ full: 1 });
  });
});

describe("a batch that is not decided yet", () => {
  const prepared = (limits: Partial<ShardLimits> = {}) => {
    const h = new Harness();
    h.limits = limits;
    h.restart();
    const jobs = [h.job({ payload: "1" })];
    h.core.prepare({ ...CALL, txn: "t", queues: [h.queue], jobs, expiresAt: h.now + MINUTE });
    return h;
  };

  test("has its places on the shard", () => {
    const h = prepared({ maxJobs: 3 });
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 2, full: 1 });
    h.core.decide({ ...CALL, txn: "t", outcome: "abort", slots: [] });
    expect(types(h.submit(h.jobs(2)))).toEqual({ accepted: 1, full: 1 });
  });

  test("has them in its namespace, and in no other", () => {
    const h = prepared();
    h.namespace({ unfinishedJobs: 3 });
    const other = { ...h.queue, namespace: "other" };
    h.core.configureNamespaces({
      ...CALL,
      namespaces: [
        {
          name: "other",
          version: 1,
          createdAt: h.now,
          limits: { ...DEFAULT_NAMESPACE_LIMITS, unfinishedJobs: 3 },
          deletingAt: null,
        },
      ],
    });
    expect(types(h.submit(h.jobs(3)))).toEqual({ accepted: 2, full: 1 });
    const others = Array.from({ length: 4 }, () => h.job({}, other));
    expect(types(h.submit(others, { queues: [other] }))).toEqual({ accepted: 3, full: 1 });
  });
});

describe("jobs that wait in the outbox", () => {
  const waiting = (limits: Partial<ShardLimits> = {}) => {
    const rig = new SpawnRig();
    rig.limits = limits;
    rig.restart("shard-0");
    rig.fate = () => "before";
    rig.succeed(rig.start().lease, [rig.spawn(), rig.spawn()]);
    return rig;
  };
  const submit = (rig: SpawnRig, queue = rig.parents) => rig.submit("shard-0", queue).type;

  test("have their places on the shard, until they have arrived", () => {
    const rig = waiting({ maxJobs: 3 });
    const { parents } = rig.queuesOf("other");
    expect([submit(rig), submit(rig, parents)]).toEqual(["accepted", "full"]);
    rig.fate = () => "ok";
    rig.pass(MINUTE);
    expect([submit(rig), submit(rig, parents), submit(rig)]).toEqual(["accepted", "accepted", "full"]);
  });

  test("have them in their namespace, and in no other", () => {
    const rig = waiting();
    // Half of the slots are this shard's.
    rig.namespace({ unfinishedJobs: 6 });
    const { parents } = rig.queuesOf("other");
    expect([submit(rig), submit(rig), submit(rig, parents)]).toEqual(["accepted", "full", "accepted"]);
  });
});

describe("jobs that the successes of one step bring", () => {
  /** How many jobs each parent has brought, all in one step. A parent whose jobs find no room has failed, and brought none. */
  const bring = (rig: SpawnRig, parents: { lease: string }[], spawn: SpawnJob[][]): number[] => {
    const outcomes = spawn.map((jobs) => ({ ok: true as const, result: null, resultTruncated: false, spawn: jobs }));
    const reports = outcomes.map((outcome, i) => ({ lease: parents[i]?.lease ?? "", outcome }));
    return rig
      .work(reports)
      .reports.map((result) => (result.status === "recorded" ? (result.spawned ?? []).length : Number.NaN));
  };

  /** Two jobs that run on a shard with these limits. */
  const two = (limits: (rig: SpawnRig) => Partial<ShardLimits> = () => ({})) => {
    const rig = new SpawnRig();
    const parents = [rig.start(), rig.start()];
    rig.limits = limits(rig);
    rig.restart("shard-0");
    const spawn = (count: number, over: Partial<SpawnJob> = {}) => Array.from({ length: count }, () => rig.spawn(over));
    return { rig, parents, spawn };
  };

  test("take places on the shard from each other", () => {
    const { rig, parents, spawn } = two(() => ({ maxJobs: 3 }));
    expect(bring(rig, parents, [spawn(2), spawn(2)])).toEqual([2, 0]);
  });

  test("take places in their namespace from each other", () => {
    const { rig, parents, spawn } = two();
    rig.namespace({ unfinishedJobs: 6 });
    expect(bring(rig, parents, [spawn(2), spawn(2)])).toEqual([2, 0]);
  });

  test("take bytes of the shard from each other", () => {
    const { rig, parents, spawn } = two((shards) => ({ maxBytes: shards.sql("shard-0").bytes() + BIG_ROW }));
    expect(bring(rig, parents, [spawn(1, { payload: BIG }), spawn(1)])).toEqual([1, 0]);
  });

  test.each([
    [0, [1, 1]],
    [-1, [1, 0]],
  ])("take bytes of their namespace from each other, rows among them (%i)", (over, brought) => {
    const { rig, parents, spawn } = two();
    const stored = rig.core("shard-0").engine.get(STORED_BYTES).of("default");
    rig.namespace({ bytes: 2 * (stored + BIG_ROW + BIG.length + over) });
    const one = spawn(1, { payload: BIG });
    expect(bring(rig, parents, [one, one])).toEqual(brought);
  });

  test("are refused together where their bytes are too many for their namespace", () => {
    const { rig, parents, spawn } = two();
    const stored = rig.core("shard-0").engine.get(STORED_BYTES).of("default");
    rig.namespace({ bytes: 2 * (stored + 2 * BIG.length - 1) });
    expect(bring(rig, parents, [spawn(2, { payload: BIG }), spawn(1, { payload: BIG })])).toEqual([0, 1]);
  });

  test("take places of their namespace in the outbox from each other, and from no other namespace", () => {
    const rig = new SpawnRig();
    rig.limits = { maxOutgoing: 8 };
    rig.restart("shard-0");
    const other = rig.queuesOf("other");
    const parents = [rig.start(), rig.start(), rig.start(other.parents), rig.start(other.parents)];
    const theirs = rig.spawn({ queue: other.children.name });
    const spawn = [[rig.spawn(), rig.spawn()], [rig.spawn()], [theirs, theirs], [theirs]];
    expect(bring(rig, parents, spawn)).toEqual([2, 0, 2, 0]);
  });

  test("have as many places in the outbox as there are in all, with those that were there before", () => {
    const rig = new SpawnRig();
    rig.limits = { maxOutgoing: 12 };
    rig.restart("shard-0");
    rig.fate = () => "before";
    const step = (...names: string[]) => {
      const queues = names.map((name) => rig.queuesOf(name));
      const spawn = queues.map(({ children: { name } }) => [0, 1, 2].map(() => rig.spawn({ queue: name })));
      return bring(
        rig,
        queues.map(({ parents }) => rig.start(parents)),
        spawn,
      );
    };
    expect([step("a", "b"), step("c", "d", "e"), step("f")]).toEqual([[3, 3], [3, 3, 0], [0]]);
  });
});
