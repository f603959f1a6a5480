import { describe, expect, test } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import { ANY_FAILED, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const blocking = (over: ConstructorParameters<typeof Harness>[0] = {}) => new Harness({ onFailure: "block", ...over });

/** `count` jobs of one ordering key, in acceptance order. */
function keyed(h: Harness, count: number, over: Parameters<Harness["job"]>[0] = {}): string[] {
  return Array.from({ length: count }, () => h.accept({ orderingKey: "k", ...over }));
}

function changeKey(h: Harness, action: rpc.ChangeKeyRequest["action"], over: Partial<rpc.ChangeKeyRequest> = {}) {
  const slot = slotOf(h.queue.namespace, h.queue.name, 0);
  return h.core.changeKey({ ...CALL, settings: h.queue, slot, key: "k", action, job: null, ...over });
}

/** The parked keys, as a list says. */
function keys(h: Harness, over: Partial<rpc.OrderingKeysRequest> = {}): rpc.OrderingKey[] {
  const { namespace, name: queue } = h.queue;
  return h.core.orderingKeys({ ...CALL, namespace, queue, state: null, after: null, limit: 100, ...over });
}

/** Claims and succeeds until nothing could start any more: the ids in their order. */
function drain(h: Harness): string[] {
  const order: string[] = [];
  for (let items = h.take(); items.length > 0; items = h.take()) {
    for (const { id, lease } of items) {
      order.push(id);
      h.succeed(lease);
    }
  }
  return order;
}

/** Ways for the first job of a key to fail for good. */
const FAILURES: [how: string, fail: (h: Harness) => void, over?: Parameters<Harness["job"]>[0]][] = [
  ["a report that is not retryable", (h) => void h.failOne()],
  ["a report of its last attempt", (h) => void h.fail(h.takeOne().lease), { retry: { maxAttempts: 1 } }],
  [
    "the end of its lease",
    (h) => {
      h.takeOne();
      h.advance(15 * SECOND);
    },
    { retry: { maxAttempts: 1 } },
  ],
  [
    "its timeout",
    (h) => {
      const { lease } = h.takeOne();
      h.extend(lease, HOUR);
      h.advance(HOUR);
    },
    { retry: { maxAttempts: 1 } },
  ],
  ["its expiry while it waits", (h) => h.advance(2 * HOUR), { expiresAt: 1_800_000_000_000 + HOUR }],
  [
    "its expiry between two attempts",
    (h) => {
      h.fail(h.takeOne().lease, {}, 2 * HOUR);
      h.advance(3 * HOUR);
    },
    { expiresAt: 1_800_000_000_000 + HOUR },
  ],
];

describe("a key whose job failed for good", () => {
  test.each(FAILURES)("stands still after %s, over a restart too", (_how, fail, over = {}) => {
    const h = blocking();
    const [failed = ""] = keyed(h, 1, over);
    const [next = "", last = ""] = keyed(h, 2);
    fail(h);
    expect(h.state(failed)).toBe("failed");
    expect(h.take()).toEqual([]);
    h.restart();
    h.advance(DAY);
    expect(h.take()).toEqual([]);
    expect(h.explain(next)).toMatchObject({ reason: "parked", blockedBy: failed });
    expect(h.explain(last)).toMatchObject({ reason: "ordering", blockedBy: next });
    expect(keys(h)).toMatchObject([{ key: "k", state: "blocked", job: failed, waiting: 2 }]);
    expect(h.stats().parkedKeys).toBe(1);
    expect(h.broken()).toEqual([]);
    changeKey(h, "skip");
    expect(drain(h)).toEqual([next, last]);
    expect([keys(h), h.state(failed)]).toEqual([[], "failed"]);
    expect(h.broken()).toEqual([]);
  });

  test("holds what is submitted later too: the first is parked, the others stand in line", () => {
    const h = blocking();
    const [failed = ""] = keyed(h, 1);
    h.failOne();
    const jobs = h.jobs(2, { orderingKey: "k" });
    h.submit(jobs);
    const [late = ""] = keyed(h, 1, { delayMs: SECOND });
    h.advance(MINUTE);
    expect(h.take()).toEqual([]);
    expect(h.explain(jobs[0]?.id ?? "")).toMatchObject({ reason: "parked", blockedBy: failed });
    expect(h.explain(jobs[1]?.id ?? "")).toMatchObject({ reason: "ordering", blockedBy: jobs[0]?.id });
    changeKey(h, "skip");
    expect(drain(h)).toEqual([jobs[0]?.id, jobs[1]?.id, late]);
  });

  test("holds nobody else", () => {
    const h = blocking();
    keyed(h, 2);
    h.failOne();
    const others = [h.accept(), h.accept({ orderingKey: "l" })];
    expect(drain(h).sort()).toEqual(others.sort());
  });

  test.each(["cancel", "discard"])("goes on when the job was not failed: %s", (how) => {
    const h = blocking();
    const [first = "", second = ""] = keyed(h, 2);
    if (how === "cancel") h.cancel(first);
    else {
      h.failOne();
      changeKey(h, "discard");
      expect(h.core.get({ ...CALL, namespace: "default", id: first, waitMs: 0 })).toEqual({ type: "gone" });
    }
    expect([keys(h), drain(h)]).toEqual([[], [second]]);
  });

  test("goes on when the failed job is discarded with others", () => {
    const h = blocking();
    const [, next] = keyed(h, 2);
    h.failOne();
    const filter = ANY_FAILED;
    h.core.discardFailed({ ...CALL, namespace: "default", queue: "q", filter, after: null, limit: 10 });
    expect([keys(h), drain(h)]).toEqual([[], [next]]);
  });

  test("stays so when its waiting jobs are cancelled, expire or are purged", () => {
    const h = blocking();
    keyed(h, 1);
    h.failOne();
    const [head = ""] = keyed(h, 1);
    keyed(h, 1, { expiresAt: h.now + SECOND });
    keyed(h, 1);
    h.cancel(head);
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.take()).toEqual([]);
    expect(h.broken()).toEqual([]);
    h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 100 });
    expect(keys(h)).toMatchObject([{ state: "blocked", waiting: 0 }]);
    keyed(h, 1);
    expect([h.take(), h.broken()]).toEqual([[], []]);
  });

  test("is held by the first failure: what expires behind it changes nothing", () => {
    const h = blocking();
    const [failed = ""] = keyed(h, 1);
    h.failOne();
    const [next = ""] = keyed(h, 1);
    const [expired = ""] = keyed(h, 1, { expiresAt: h.now + SECOND });
    h.advance(MINUTE);
    expect(h.state(expired)).toBe("failed");
    expect(keys(h)).toMatchObject([{ job: failed }]);
    changeKey(h, "skip");
    expect(drain(h)).toEqual([next]);
  });

  test("stands still at once when a job in the middle of the line expires, while a running one goes on", () => {
    const h = blocking();
    const [first = ""] = keyed(h, 1);
    const [expired = ""] = keyed(h, 1, { expiresAt: h.now + SECOND });
    const [last = ""] = keyed(h, 1);
    const { lease } = h.takeOne();
    h.advance(5 * SECOND);
    expect(keys(h)).toMatchObject([{ job: expired, waiting: 1 }]);
    expect([h.succeed(lease), h.take(), h.state(first)]).toEqual(["recorded", [], "succeeded"]);
    changeKey(h, "skip");
    expect(drain(h)).toEqual([last]);
  });

  test("parks a waiting head when a job behind it expires", () => {
    const h = blocking();
    const [head = ""] = keyed(h, 1);
    const [expired = ""] = keyed(h, 1, { expiresAt: h.now + SECOND });
    h.advance(MINUTE);
    expect(h.take()).toEqual([]);
    expect(h.explain(head)).toMatchObject({ reason: "parked", blockedBy: expired });
    h.retry(expired);
    expect(drain(h)).toEqual([head, expired]);
  });

  test("does not let a retry of its running job slip out", () => {
    const h = blocking();
    const [first = ""] = keyed(h, 1, { retry: { delayMs: 0 } });
    const { lease } = h.takeOne();
    keyed(h, 1, { expiresAt: h.now + SECOND });
    h.advance(2 * SECOND);
    h.fail(lease);
    expect([h.state(first), h.take()]).toEqual(["queued", []]);
    h.advance(MINUTE);
    expect([h.take(), h.broken()]).toEqual([[], []]);
  });
});

describe("unblocking", () => {
  test("by retry puts the failed job at the head of the line again", () => {
    const h = blocking();
    const ids = keyed(h, 3);
    h.failOne();
    expect(changeKey(h, "retry")).toMatchObject({ type: "key", key: { state: "open", job: null, waiting: 3 } });
    expect(drain(h)).toEqual(ids);
  });

  test("by retry of a job that fails again blocks again", () => {
    const h = blocking();
    const [first = ""] = keyed(h, 2);
    h.failOne();
    changeKey(h, "retry");
    expect([h.failOne(), h.take()]).toEqual([first, []]);
    expect(keys(h)).toMatchObject([{ job: first, error: { code: "boom" } }]);
  });

  test("happens by an ordinary retry or redrive of the failed job too", () => {
    for (const way of ["retry", "redrive"]) {
      const h = blocking();
      const ids = keyed(h, 2);
      h.failOne();
      if (way === "retry") h.retry(ids[0] ?? "");
      else {
        const filter = ANY_FAILED;
        const walk = { namespace: "default", queue: "q", filter, after: null, limit: 10, dryRun: false };
        h.core.redrive({ ...CALL, ...walk, patch: null, spacing: { firstDelayMs: SECOND, everyMs: 0 } });
        expect([keys(h), h.take()]).toEqual([[], []]);
        h.advance(SECOND);
      }
      expect(drain(h)).toEqual(ids);
      expect(h.broken()).toEqual([]);
    }
  });

  test("of a key that nothing blocks, or by another job than was meant, changes nothing", () => {
    const h = blocking();
    const [first = ""] = keyed(h, 2);
    expect(changeKey(h, "skip")).toMatchObject({ type: "not-blocked", key: { state: "open" } });
    h.failOne();
    expect(changeKey(h, "discard", { job: "job_other" })).toMatchObject({ type: "not-blocked" });
    expect([h.state(first), h.take()]).toEqual(["failed", []]);
    expect(changeKey(h, "skip", { job: first })).toMatchObject({ type: "key" });
    expect(changeKey(h, "skip", { job: first })).toMatchObject({ type: "not-blocked" });
  });

  test("by retry of a job that the shard has forgotten says so; skip and discard let the key go", () => {
    const h = blocking({ retentionMs: HOUR });
    const [failed = ""] = keyed(h, 2);
    h.failOne();
    h.project();
    h.advance(2 * HOUR);
    expect(h.has(failed)).toBe(false);
    expect(keys(h)).toMatchObject([{ job: failed, error: null }]);
    expect(changeKey(h, "retry")).toEqual({ type: "forgotten", job: failed });
    expect(h.take()).toEqual([]);
    expect(changeKey(h, "discard")).toMatchObject({ type: "key", key: { state: "open" } });
    expect(h.take()).toHaveLength(1);
  });
});

describe("a key that is paused by hand", () => {
  test("starts nothing, lets the running job end, and goes on when it is resumed", () => {
    const h = new Harness();
    const [first, second, third] = keyed(h, 3);
    const { lease } = h.takeOne();
    expect(changeKey(h, "pause")).toMatchObject({ type: "key", key: { state: "paused", job: null, waiting: 2 } });
    expect(h.succeed(lease)).toBe("recorded");
    h.restart();
    expect(h.take()).toEqual([]);
    expect(h.explain(second ?? "")).toMatchObject({ reason: "parked", blockedBy: null });
    expect(changeKey(h, "pause")).toMatchObject({ type: "key", key: { state: "paused" } });
    expect(changeKey(h, "resume")).toMatchObject({ type: "key", key: { state: "open" } });
    expect(changeKey(h, "resume")).toMatchObject({ type: "key", key: { state: "open" } });
    expect([first, ...drain(h)]).toEqual([first, second, third]);
    expect(h.broken()).toEqual([]);
  });

  test("holds a job that was ready, and its failed head that comes back before it", () => {
    const h = blocking();
    const ids = keyed(h, 2);
    changeKey(h, "pause");
    expect([h.take(), h.broken()]).toEqual([[], []]);
    changeKey(h, "resume");
    h.failOne();
    changeKey(h, "pause");
    h.retry(ids[0] ?? "");
    expect([h.take(), h.broken()]).toEqual([[], []]);
    expect(h.explain(ids[0] ?? "")).toMatchObject({ reason: "parked" });
    expect(h.explain(ids[1] ?? "")).toMatchObject({ reason: "ordering", blockedBy: ids[0] });
    changeKey(h, "resume");
    expect(drain(h)).toEqual(ids);
  });

  test("can be one that never had a job, of a queue that the shard never heard of", () => {
    const h = new Harness();
    changeKey(h, "pause");
    const [id] = keyed(h, 1);
    expect(h.take()).toEqual([]);
    changeKey(h, "resume");
    expect(h.takeOne().id).toBe(id);
  });

  test("waits with the retry of a job that ran when it was paused", () => {
    const h = new Harness();
    const [id] = keyed(h, 1);
    const { lease } = h.takeOne();
    changeKey(h, "pause");
    h.fail(lease);
    h.advance(MINUTE);
    expect([h.take(), h.broken()]).toEqual([[], []]);
    changeKey(h, "resume");
    expect(h.takeOne().id).toBe(id);
  });

  test("holds a redriven job too", () => {
    const h = new Harness();
    const [id = ""] = keyed(h, 1);
    h.failOne();
    changeKey(h, "pause");
    h.retry(id);
    expect([h.take(), h.broken()]).toEqual([[], []]);
    changeKey(h, "resume");
    expect(h.takeOne().id).toBe(id);
  });

  test("and whose job then fails needs both: a decision and to be resumed, in any order", () => {
    for (const order of [
      ["skip", "resume"],
      ["resume", "skip"],
    ] as const) {
      const h = blocking();
      const [failed, next] = keyed(h, 2);
      const { lease } = h.takeOne();
      changeKey(h, "pause");
      h.fail(lease, { retryable: false });
      expect(keys(h)).toMatchObject([{ state: "paused", job: failed }]);
      changeKey(h, order[0]);
      expect([h.take(), h.broken()]).toEqual([[], []]);
      changeKey(h, order[1]);
      expect(drain(h)).toEqual([next]);
    }
  });

  test("that is blocked stays blocked when it is resumed", () => {
    const h = blocking();
    const [failed] = keyed(h, 2);
    h.failOne();
    changeKey(h, "pause");
    changeKey(h, "resume");
    expect(keys(h)).toMatchObject([{ state: "blocked", job: failed }]);
    expect(h.take()).toEqual([]);
  });
});

describe("the queue of parked keys", () => {
  test("lets blocked keys go when it no longer blocks, some at a time, over a crash; paused ones stay", () => {
    const h = blocking();
    for (let i = 0; i < 250; i++) h.accept({ orderingKey: `k${i}` });
    for (let items = h.take(); items.length > 0; items = h.take()) {
      for (const { lease } of items) h.fail(lease, { retryable: false });
    }
    const next = Array.from({ length: 250 }, (_, i) => h.accept({ orderingKey: `k${i}` }));
    changeKey(h, "pause", { key: "p" });
    const paused = h.accept({ orderingKey: "p" });
    expect([h.take(), h.stats().parkedKeys]).toEqual([[], 251]);
    h.configure({ onFailure: "continue" });
    // The object dies before its clock could do anything, and its alarm with it.
    h.alarmAt = null;
    h.restart();
    expect(h.alarmAt).toBe(h.now);
    h.advance(0);
    expect(keys(h)).toMatchObject([{ key: "p", state: "paused" }]);
    expect(drain(h).sort()).toEqual(next.sort());
    expect([h.state(paused), h.broken()]).toEqual(["queued", []]);
  });

  test("that turns to blocking blocks from the next failure on", () => {
    const h = new Harness();
    keyed(h, 3);
    h.failOne();
    h.configure({ onFailure: "block" });
    const failed = h.failOne();
    expect(keys(h)).toMatchObject([{ job: failed }]);
    expect(h.take()).toEqual([]);
  });

  test("says how many they are to the gateway, which changes no partitions then", () => {
    const h = blocking();
    keyed(h, 1);
    h.failOne();
    const hold = { ...CALL, namespace: "default", queue: "q", holdMs: 0 };
    expect(h.core.hold(hold)).toMatchObject({ live: 0, parkedKeys: 1 });
    changeKey(h, "pause", { key: "p" });
    h.configure({ deleted: true });
    h.advance(0);
    expect(h.core.hold(hold)).toMatchObject({ parkedKeys: 0 });
  });

  test("lists them by page, the latest first, by state, with what waits", () => {
    const h = blocking();
    for (const key of ["a", "b", "c"]) {
      h.accept({ orderingKey: key });
      h.failOne();
      h.advance(key === "b" ? 0 : SECOND);
    }
    changeKey(h, "pause", { key: "z" });
    h.accept({ orderingKey: "z" });
    const names = (over: Partial<rpc.OrderingKeysRequest>) => keys(h, over).map(({ key }) => key);
    expect(names({})).toEqual(["z", "b", "c", "a"]);
    expect(names({ state: "blocked" })).toEqual(["b", "c", "a"]);
    expect(names({ state: "paused" })).toEqual(["z"]);
    const [, second] = keys(h);
    expect(names({ after: { since: second?.since ?? 0, key: "b" }, limit: 1 })).toEqual(["c"]);
    expect(only(keys(h, { state: "paused" })).waiting).toBe(1);
  });

  test("with limits on keys of another kind: what is let go stands at its gate", () => {
    const h = blocking({ perKeyConcurrency: 1 });
    const [failed = ""] = keyed(h, 2, { concurrencyKey: "c" });
    h.failOne();
    const other = h.accept({ concurrencyKey: "c" });
    const running = h.takeOne();
    expect(running.id).toBe(other);
    changeKey(h, "skip");
    expect([h.take(), h.broken()]).toEqual([[], []]);
    h.succeed(running.lease);
    expect(h.take()).toHaveLength(1);
    expect(h.state(failed)).toBe("failed");
  });
});

describe("the audit", () => {
  test("finds a job that a key holds which is not parked, and one that a parked key does not hold", () => {
    const h = blocking();
    keyed(h, 2);
    h.failOne();
    h.sql.run("DELETE FROM parked");
    expect(h.broken()).toContain("parked-has-key");
    const other = blocking();
    keyed(other, 2);
    other.failOne();
    other.sql.run("UPDATE jobs SET blocked = 0 WHERE state = 'queued'");
    expect(other.broken()).toContain("parked-key-holds");
    other.sql.run("UPDATE jobs SET blocked = 5 WHERE state = 'queued'");
    expect(other.broken()).toContain("parked-is-first");
  });
});
