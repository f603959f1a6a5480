import { describe, expect, test } from "vitest";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { ANY_FAILED, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

/** The queue is deleted, and made again as the gateway does it. */
function makeAgain(h: Harness, over: Partial<QueueSettings> = {}, toldOfDeletion = true): void {
  if (toldOfDeletion) h.configure({ deleted: true });
  else h.queue = { ...h.queue, version: h.queue.version + 1 };
  h.advance(SECOND);
  h.configure({ deleted: false, incarnation: h.queue.version + 1, createdAt: h.now, ...over });
}

const idempotency = (hash: string) => ({ key: "order-1", hash });
const dedup = { key: "d", windowMs: HOUR, onConflict: "reject" as const, maxDelayMs: null };

function list(h: Harness, queue: string | null): string[] {
  const filter = { queue, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null };
  const include = { payload: false, result: false, attempts: false };
  return h.core
    .list({ ...CALL, namespace: "default", filter, include, before: null, limit: 100 })
    .items.map(({ id }) => id);
}

describe.each([
  ["told of the deletion", true],
  ["not told of the deletion", false],
])("a queue that was deleted and made again, on a shard that was %s", (_, told) => {
  test("has none of the earlier one's keys, parked lines, starts or partitions", () => {
    const limits = { onFailure: "block", perKeyConcurrency: 1, rate: { limit: 3, periodMs: HOUR } } as const;
    const h = new Harness({ ...limits, retry: { ...new Harness().queue.retry, maxAttempts: 1 } });
    const first = h.accept({ idempotency: idempotency("a") });
    h.succeed(h.takeOne().lease);
    h.accept({ dedup, concurrencyKey: "c" });
    h.succeed(h.takeOne().lease);
    h.accept({ orderingKey: "k" });
    h.failOne();
    expect(h.submit([h.job({ idempotency: idempotency("b") })])).toMatchObject([{ type: "mismatch" }]);
    expect(h.submit([h.job({ dedup, concurrencyKey: "c" })])).toMatchObject([{ type: "duplicate" }]);
    makeAgain(h, { partitions: 2, rate: { limit: 6, periodMs: HOUR } }, told);
    h.restart();
    const again = h.accept({ idempotency: idempotency("b") });
    const others = [h.accept({ dedup, concurrencyKey: "c" }), h.accept({ orderingKey: "k" })];
    expect(h.take().map(({ id }) => id)).toEqual([again, ...others]);
    expect(h.submit([h.job({ idempotency: idempotency("b") })])).toMatchObject([{ type: "replayed", id: again }]);
    expect(h.get(first)).toMatchObject({ state: "succeeded", queue: "q" });
    expect(h.broken()).toEqual([]);
  });

  test("has none of the earlier one's jobs in its list, its counts, its failures or its redrive", () => {
    const h = new Harness();
    const failed = h.accept();
    h.failOne();
    const succeeded = h.accept();
    h.succeed(h.takeOne().lease);
    const cancelled = h.accept();
    h.cancel(cancelled);
    makeAgain(h, {}, told);
    const fresh = h.accept();
    for (const look of [() => undefined, () => h.restart()]) {
      look();
      expect(list(h, "q")).toEqual([fresh]);
      expect(list(h, null).sort()).toEqual([failed, succeeded, cancelled, fresh].sort());
      expect(h.stats()).toMatchObject({
        counts: { queued: 1, failed: 0, cancelled: 0 },
        unprojectedSucceeded: 0,
        perSecond: { finished: 0 },
      });
      const failures = h.core.failures({ ...CALL, namespace: "default", queue: "q", after: null });
      expect(failures).toMatchObject({ groups: [] });
    }
    const redriven = h.core.redrive({
      ...{ ...CALL, namespace: "default", queue: "q", filter: ANY_FAILED },
      ...{ after: null, limit: 100, dryRun: false, spacing: null, patch: null },
    });
    expect(redriven).toMatchObject({ matched: 0, redriven: 0 });
    expect(h.core.retry({ ...CALL, namespace: "default", id: failed })).toMatchObject({
      type: "conflict",
      because: "queue-deleted",
    });
    expect(h.state(failed)).toBe("failed");
    const toHistory = h.project().map(({ id, incarnation }) => [id, incarnation]);
    expect(toHistory.sort()).toEqual([
      [failed, undefined],
      [succeeded, undefined],
      [cancelled, undefined],
    ]);
    expect(h.broken()).toEqual([]);
  });

  test("takes no jobs by the earlier one's settings, which are answered with its own", () => {
    const h = new Harness();
    const stale = h.queue;
    makeAgain(h, { timeoutMs: 5 * MINUTE }, told);
    const reply = h.send([h.job()], { queues: [stale] });
    expect(reply).toEqual({ type: "settings", settings: h.queue });
    expect(h.count("jobs")).toBe(0);
    h.core.configure({ ...CALL, queues: [{ ...stale, version: stale.version + 1, deleted: true }] });
    h.restart();
    expect(h.accept()).toMatch(/^job_/);
    expect(only(h.take()).timeoutMs).toBe(5 * MINUTE);
  });
});

test("a job that history alone has comes back only into the queue that it was of", () => {
  const h = new Harness();
  const id = h.accept();
  h.failOne();
  const [job] = h.project();
  if (job === undefined) throw new Error("nothing in history");
  h.advance(8 * DAY);
  expect(h.has(id)).toBe(false);
  makeAgain(h);
  const revive = (settings: QueueSettings, revived: typeof job) =>
    h.core.revive({
      ...{ ...CALL, settings, patch: null, action: "redrive", movingTo: null },
      jobs: [{ job: revived, delayMs: 0 }],
    });
  expect(revive(h.queue, job)).toEqual({
    type: "revived",
    results: [{ type: "refused", because: "queue-deleted" }],
  });
  expect(h.has(id)).toBe(false);
  const own = { ...job, incarnation: h.queue.incarnation ?? 0 };
  expect(revive(h.queue, own)).toMatchObject({ type: "revived", results: [{ type: "revived" }] });
});

test("a job that was accepted for the earlier queue without its shard ends as one of that queue", () => {
  const h = new Harness({ consistency: "available" });
  const early = h.job({ runAt: h.now, createdAt: h.now });
  makeAgain(h);
  h.advance(SECOND);
  const late = h.job({ runAt: h.now, createdAt: h.now });
  const send = (job: typeof early) => h.submit([job], { deferred: true });
  expect(send(early)).toEqual([{ type: "refused" }]);
  expect(send(late)).toMatchObject([{ type: "accepted" }]);
  expect(h.get(early.id)).toMatchObject({ state: "cancelled", error: { code: "queue-deleted" } });
  expect(list(h, "q")).toEqual([late.id]);
});

test("what was handed over for the earlier queue becomes a dead letter, and no job of the later one", () => {
  const h = new Harness();
  const sent = h.queue;
  const job = h.job({ parent: "job_00000000000000000000000000" });
  makeAgain(h);
  const reply = h.core.receive({ ...CALL, source: "shard-1", queues: [sent], jobs: [{ seq: 1, slot: 0, job }] });
  expect(reply).toEqual({ type: "received", left: [], unfit: [] });
  expect(h.count("jobs")).toBe(0);
  const letters = h.sql.all<{ letter: string }>("SELECT letter FROM spawn_letters");
  expect(letters).toMatchObject([{ letter: expect.stringContaining("queue-deleted") }]);
});
