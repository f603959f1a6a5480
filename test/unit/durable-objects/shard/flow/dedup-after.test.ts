import { describe, expect, test } from "vitest";
import type { NewJob } from "../../../../../contract/rpc.ts";
import { ask, dedup } from "../../../../rigs/dedup-calls.ts";
import { CALL, DAY, Harness, HOUR, idsOf, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const AFTER = dedup("runAfter");

/** A job that runs, and the one that waits for it. */
function pair(h: Harness, over: Partial<NewJob> = {}, next: Partial<NewJob> = {}) {
  const first = h.accept({ ...over, ...AFTER });
  const { lease } = only(h.work({ leaseMs: DAY }).items);
  const { id, type } = ask(h, { ...over, ...AFTER, ...next });
  expect([type, id === first]).toEqual(["accepted", false]);
  expect(h.broken()).toEqual([]);
  return { first, lease, next: id };
}

describe("runAfter", () => {
  test("answers with a job that waits, be it for its retry", () => {
    const h = new Harness();
    const id = h.accept({ ...AFTER, delayMs: SECOND });
    expect(ask(h, AFTER)).toEqual({ type: "replayed", id });
    h.advance(SECOND);
    expect(ask(h, AFTER)).toEqual({ type: "replayed", id });
    h.fail(h.takeOne().lease);
    expect(ask(h, AFTER)).toEqual({ type: "replayed", id });
    expect(h.count("jobs")).toBe(1);
  });

  test("accepts one job behind a running one, and answers with that one from then on", () => {
    const h = new Harness();
    const { first, lease, next } = pair(h);
    expect([ask(h, AFTER), ask(h, dedup("return")), ask(h, dedup("reject"))]).toEqual([
      { type: "replayed", id: next },
      { type: "replayed", id: next },
      { type: "duplicate", id: next },
    ]);
    expect(h.take()).toEqual([]);
    expect(h.explain(next)).toMatchObject({ state: "queued", reason: "deduplication", blockedBy: first });
    h.rung();
    h.succeed(lease);
    expect(h.rung().length).toBeGreaterThan(0);
    expect(h.takeOne().id).toBe(next);
    expect(h.broken()).toEqual([]);
  });

  test("goes on in turns as long as calls come: each runs after the one before", () => {
    const h = new Harness();
    let { lease, next } = pair(h);
    for (let i = 0; i < 5; i++) {
      h.restart();
      h.succeed(lease);
      const item = h.takeOne();
      expect(item.id).toBe(next);
      lease = item.lease;
      next = ask(h, AFTER).id;
      expect(h.take()).toEqual([]);
      expect(h.broken()).toEqual([]);
    }
    expect(h.count("dedup")).toBe(1);
  });

  test("is a new job when the earlier one has ended", () => {
    const h = new Harness();
    const ends: ((lease: string, id: string) => unknown)[] = [
      (lease) => h.succeed(lease),
      (lease) => h.fail(lease, { retryable: false }),
      (_, id) => h.cancel(id),
    ];
    const ids = ends.map((end) => {
      const id = h.accept(AFTER);
      end(h.takeOne().lease, id);
      return id;
    });
    expect(new Set(ids).size).toBe(3);
  });

  test("lets the next lay its payload down as replace says", () => {
    const h = new Harness();
    const { lease, next } = pair(h);
    const late = { ...dedup("replace"), payload: "9", delayMs: MINUTE };
    expect(ask(h, late)).toEqual({ type: "replayed", id: next });
    expect([h.state(next), h.broken()]).toEqual(["scheduled", []]);
    h.succeed(lease);
    expect([h.take(), h.broken()]).toEqual([[], []]);
    h.advance(MINUTE);
    expect(h.takeOne()).toMatchObject({ id: next, payload: "9" });
  });
});

/** Every way in which the first one can end. */
const ENDS: [what: string, end: (h: Harness, job: { first: string; lease: string }) => void][] = [
  ["succeeds", (h, { lease }) => h.succeed(lease)],
  [
    "succeeds among others in one call",
    (h, { lease }) => {
      const reports = [lease, "nonsense"].map((text) => ({
        lease: text,
        outcome: { ok: true, result: null, resultTruncated: false } as const,
      }));
      h.core.report({ ...CALL, namespace: null, withJobs: true, queues: [], waitMs: 0, reports });
    },
  ],
  ["fails for good", (h, { lease }) => h.fail(lease, { retryable: false })],
  [
    "fails after its last retry",
    (h, { first, lease }) => {
      h.fail(lease);
      h.advance(SECOND);
      h.fail(only(h.take()).lease);
      h.advance(2 * SECOND);
      h.fail(only(h.take()).lease);
      expect(h.state(first)).toBe("failed");
    },
  ],
  ["is cancelled as it runs", (h, { first }) => h.cancel(first)],
  [
    "is cancelled as it waits for its retry",
    (h, { first, lease }) => {
      h.fail(lease);
      expect([h.state(first), h.take()]).toEqual(["scheduled", []]);
      h.cancel(first);
    },
  ],
];

describe("the one that waits is opened in the step that ends the first", () => {
  test.each(ENDS)("when it %s", (_what, end) => {
    const h = new Harness({
      retry: { maxAttempts: 3, backoff: "exponential", delayMs: SECOND, maxDelayMs: HOUR, jitter: "none" },
    });
    const job = pair(h);
    h.restart();
    end(h, job);
    expect(h.broken()).toEqual([]);
    expect(h.explain(job.next).reason).toBe("ready");
    const { id, lease } = h.takeOne();
    expect(id).toBe(job.next);
    expect(ask(h, AFTER).type).toBe("accepted");
    h.succeed(lease);
    expect(h.broken()).toEqual([]);
  });

  test("when it expires as it waits for its retry, by the clock", () => {
    const h = new Harness();
    const job = pair(h, { expiresAt: h.now + MINUTE });
    h.fail(job.lease, {}, HOUR);
    h.configure({ paused: true });
    h.advance(MINUTE);
    expect([h.state(job.first), h.state(job.next), h.broken()]).toEqual(["failed", "failed", []]);
    expect(ask(h, AFTER).type).toBe("accepted");
  });

  test("when its lease ends with its last attempt", () => {
    const h = new Harness({ retry: { ...new Harness().queue.retry, maxAttempts: 1 } });
    const job = pair(h);
    h.advance(MINUTE + 2 * SECOND);
    expect([h.state(job.first), h.takeOne().id, h.broken()]).toEqual(["failed", job.next, []]);
  });

  test("and stays scheduled where its own run-at is later", () => {
    const h = new Harness();
    const { lease, next } = pair(h, {}, { delayMs: MINUTE });
    expect(h.explain(next).reason).toBe("scheduled");
    h.succeed(lease);
    expect([h.state(next), h.broken()]).toEqual(["scheduled", []]);
    h.advance(MINUTE);
    expect(h.takeOne().id).toBe(next);
  });

  test("also when it became due meanwhile", () => {
    const h = new Harness();
    const { lease, next } = pair(h, {}, { delayMs: SECOND });
    h.advance(SECOND);
    expect([h.state(next), h.take(), h.explain(next).reason, h.broken()]).toEqual(["queued", [], "deduplication", []]);
    h.succeed(lease);
    expect(h.takeOne().id).toBe(next);
  });

  test("behind its ordering key, its concurrency key's gate and a pause as any other", () => {
    const h = new Harness({ perKeyConcurrency: 1 });
    const keys = { orderingKey: "o", concurrencyKey: "c" };
    const { first, lease, next } = pair(h, keys);
    const between = h.accept({ concurrencyKey: "c", priority: 9 });
    expect(h.explain(next)).toMatchObject({ reason: "ordering", blockedBy: first });
    h.configure({ paused: true });
    h.succeed(lease);
    expect([h.broken(), h.take()]).toEqual([[], []]);
    h.configure({ paused: false });
    expect(h.takeOne().id).toBe(between);
    expect(h.explain(next).reason).toBe("concurrency");
    h.cancel(between);
    expect(h.takeOne().id).toBe(next);
    expect(h.broken()).toEqual([]);
  });

  test("and stands at a gate that was put up while it waited", () => {
    const h = new Harness();
    const { lease, next } = pair(h, { concurrencyKey: "c" });
    h.configure({ perKeyConcurrency: 1 });
    const other = h.accept({ concurrencyKey: "c", priority: 9 });
    h.succeed(lease);
    expect(h.takeOne().id).toBe(other);
    expect([h.take(), h.broken()]).toEqual([[], []]);
    h.cancel(other);
    expect(h.takeOne().id).toBe(next);
  });
});

describe("the one that waits", () => {
  test("holds the key for its own window, from its own acceptance, once it is opened", () => {
    const h = new Harness({ target: { type: "pull" } });
    const first = h.accept(AFTER);
    const { lease } = only(h.claim());
    h.advance(30 * SECOND);
    const next = ask(h, dedup("runAfter", { windowMs: SECOND })).id;
    h.succeed(lease);
    h.succeed(only(h.claim()).lease);
    expect([h.state(first), h.state(next), ask(h, dedup("return")).id]).toEqual(["succeeded", "succeeded", next]);
    h.advance(SECOND - 1);
    expect([ask(h, dedup("return")).id, h.count("dedup")]).toEqual([next, 1]);
    h.advance(1);
    expect(h.count("dedup")).toBe(0);
  });

  test("cancelled or expired leaves its place to a later call", () => {
    const h = new Harness();
    const { first, lease, next } = pair(h, {}, { expiresAt: h.now + SECOND });
    h.advance(SECOND);
    expect(h.state(next)).toBe("failed");
    const second = ask(h, AFTER);
    expect(second.type).toBe("accepted");
    h.cancel(second.id);
    expect(ask(h, dedup("return"))).toEqual({ type: "replayed", id: first });
    const third = ask(h, AFTER);
    h.restart();
    expect([h.explain(third.id).blockedBy, h.broken()]).toEqual([first, []]);
    h.succeed(lease);
    expect(h.takeOne().id).toBe(third.id);
  });

  test("cancelled and redriven is a job like any other: it waits for nobody", () => {
    const h = new Harness();
    const { lease, next } = pair(h);
    h.cancel(next);
    const other = ask(h, AFTER);
    h.retry(next);
    expect([h.takeOne().id, h.broken()]).toEqual([next, []]);
    h.succeed(lease);
    expect([h.takeOne().id, h.broken()]).toEqual([other.id, []]);
  });

  test("is not held up by the first when that is redriven, before or while it runs", () => {
    const h = new Harness();
    const { first, lease, next } = pair(h);
    h.fail(lease, { retryable: false });
    h.retry(first);
    expect(ask(h, AFTER)).toEqual({ type: "replayed", id: next });
    expect(idsOf(h.take()).sort()).toEqual([first, next].sort());
    const third = ask(h, AFTER);
    expect([h.explain(third.id).blockedBy, h.broken()]).toEqual([next, []]);
  });

  test("outlasts both windows, for every call", () => {
    const h = new Harness();
    const { first, next } = pair(h, { timeoutMs: DAY });
    h.advance(2 * HOUR);
    expect(h.count("dedup")).toBe(1);
    const calls = [AFTER, dedup("return"), dedup("replace")].map((call) => ask(h, call));
    expect(calls).toEqual(calls.map(() => ({ type: "replayed", id: next })));
    expect(ask(h, dedup("reject"))).toEqual({ type: "duplicate", id: next });
    h.cancel(first);
    expect([h.takeOne().id, h.broken()]).toEqual([next, []]);
    // Its own window is over too, and it runs: nobody holds the key.
    const beside = ask(h, AFTER);
    expect([beside.type, h.takeOne().id]).toEqual(["accepted", beside.id]);
  });

  test("is cancelled by a purge of its queue, which leaves the running one its key", () => {
    const h = new Harness();
    const { first, lease, next } = pair(h);
    h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 100 });
    expect([h.state(first), h.state(next), h.broken()]).toEqual(["running", "cancelled", []]);
    expect(ask(h, dedup("return"))).toEqual({ type: "replayed", id: first });
    h.succeed(lease);
    expect(ask(h, AFTER).type).toBe("accepted");
  });

  test("goes with the first when both wait and their queue is purged", () => {
    const h = new Harness();
    const { first, lease, next } = pair(h);
    h.fail(lease);
    h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 100 });
    expect([h.state(first), h.state(next), h.broken()]).toEqual(["cancelled", "cancelled", []]);
  });

  test("found by the audit when nobody would open it", () => {
    const h = new Harness();
    const over = h.accept();
    h.cancel(over);
    const { first, next } = pair(h, { concurrencyKey: "c" });
    for (const statement of ["SET next = NULL", "SET scope = 'c'", `SET job = '${over}'`, "SET job = 'job_gone'"]) {
      h.sql.run(`UPDATE dedup ${statement}`);
      expect(h.broken(), statement).toEqual(["after-reachable"]);
      h.sql.run("UPDATE dedup SET job = ?, next = ?, scope = ?", first, next, "c\0c");
      expect(h.broken()).toEqual([]);
    }
    h.sql.run("UPDATE jobs SET blocked = 0 WHERE id = ?", next);
    expect(h.broken()).toContain("next-waits");
  });
});

test("two hundred pairs end in one call, and every next one is opened", () => {
  const h = new Harness();
  const call = (i: number) => ({ ...dedup("runAfter", { key: `k${i % 100}` }) });
  h.submit(Array.from({ length: 100 }, (_, i) => h.job(call(i))));
  const running = h.take();
  const next = Array.from({ length: 100 }, (_, i) => h.job(call(i)));
  expect(h.submit([...next, ...next.map((_, i) => h.job(call(i)))]).map(({ type }) => type)).toEqual([
    ...next.map(() => "accepted"),
    ...next.map(() => "replayed"),
  ]);
  const outcome = { ok: true, result: null, resultTruncated: false } as const;
  const reply = h.work({ reports: running.map(({ lease }) => ({ lease, outcome })) });
  expect(idsOf(reply.items).sort()).toEqual(idsOf(next).sort());
  expect(h.broken()).toEqual([]);
});
