import { describe, expect, test } from "vitest";
import type * as rpc from "../../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import {
  ANY_FAILED,
  CALL,
  DAY,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";

const ANY = ANY_FAILED;

function redrive(h: Harness, over: Partial<rpc.RedriveRequest> = {}): rpc.RedriveReply {
  return h.core.redrive({
    ...CALL,
    namespace: "default",
    queue: h.queue.name,
    filter: ANY,
    after: null,
    limit: 1000,
    dryRun: false,
    spacing: null,
    patch: null,
    ...over,
  });
}

const purge = (h: Harness, limit = 1000) => h.core.purge({ ...CALL, namespace: "default", queue: h.queue.name, limit });

/** Fails `count` new jobs for good, with this code and these tags. */
function failed(h: Harness, count: number, over: { code?: string; tags?: string[] } = {}): string[] {
  const jobs = h.jobs(count, { tags: over.tags ?? [] });
  h.submit(jobs);
  for (let items = h.take(); items.length > 0; items = h.take()) {
    for (const { lease } of items) h.fail(lease, { code: over.code ?? "boom", retryable: false });
  }
  return idsOf(jobs);
}

const inState = (h: Harness, ids: string[], state: string) => ids.filter((id) => h.state(id) === state);

describe("cancel", () => {
  test("ends a scheduled, a queued and a running job; 'conflict' with the job when it is final", () => {
    const h = new Harness();
    const running = h.accept();
    h.take();
    const ids = [h.accept({ delayMs: HOUR }), h.accept(), running];
    expect(ids.map((id) => h.cancel(id))).toEqual(["job", "job", "job"]);
    for (const id of ids)
      expect(h.get(id)).toMatchObject({ state: "cancelled", finishedAt: START, leaseExpiresAt: null });
    const rows = h.rows();
    expect(ids.map((id) => h.cancel(id))).toEqual(["conflict", "conflict", "conflict"]);
    expect(h.rows()).toEqual(rows);
    expect(h.core.cancel({ ...CALL, namespace: "default", id: running })).toEqual({
      type: "conflict",
      job: h.get(running),
      because: null,
    });
  });

  test("of a running job ends its attempt as cancelled; of a waiting one adds no attempt", () => {
    const h = new Harness();
    const [running, retrying] = [h.accept(), h.accept()];
    const [, second] = h.take();
    h.fail(second?.lease ?? "");
    h.cancel(running);
    h.cancel(retrying);
    expect(h.get(running).attempts).toMatchObject([{ number: 1, outcome: "cancelled", finishedAt: START }]);
    expect(h.get(retrying).attempts).toMatchObject([{ number: 1, outcome: "failed" }]);
  });

  test("does not touch a job that has succeeded", () => {
    const h = new Harness();
    const id = h.accept();
    h.succeed(h.takeOne().lease);
    expect([h.cancel(id), h.state(id)]).toEqual(["conflict", "succeeded"]);
  });
});

describe("retry by hand", () => {
  test("puts a failed job back with a new budget, its attempts going on in number", () => {
    const h = new Harness();
    const id = h.accept({ retry: { maxAttempts: 2 } });
    h.fail(h.takeOne().lease);
    h.advance(SECOND);
    h.fail(h.takeOne().lease);
    expect(h.state(id)).toBe("failed");
    h.advance(MINUTE);
    expect(h.retry(id)).toBe("job");
    expect(h.get(id)).toMatchObject({ state: "queued", attempt: 2, runAt: h.now, finishedAt: null, startedAt: START });
    const third = h.takeOne();
    expect(third.attempt).toBe(3);
    h.fail(third.lease);
    expect(h.state(id)).toBe("scheduled");
    h.advance(SECOND);
    h.fail(h.takeOne().lease);
    expect(h.get(id)).toMatchObject({ state: "failed", attempt: 4 });
    expect(h.get(id).attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test("of a cancelled job keeps the attempt that was cancelled", () => {
    const h = new Harness();
    const id = h.accept();
    h.takeOne();
    h.cancel(id);
    h.now += SECOND;
    h.retry(id);
    h.succeed(h.takeOne().lease);
    expect(h.get(id).attempts).toMatchObject([
      { number: 1, outcome: "cancelled", finishedAt: START },
      { number: 2, outcome: "succeeded" },
    ]);
  });

  test("drops an expiresAt that is past, and keeps one that is not", () => {
    const h = new Harness();
    const [past, future] = [h.accept({ expiresAt: START + MINUTE }), h.accept({ expiresAt: START + HOUR })];
    h.advance(MINUTE);
    h.cancel(future);
    expect([h.state(past), h.retry(past), h.retry(future)]).toEqual(["failed", "job", "job"]);
    expect([h.get(past).expiresAt, h.get(future).expiresAt]).toEqual([null, START + HOUR]);
    h.advance(HOUR);
    expect([h.state(past), h.state(future)]).toEqual(["queued", "failed"]);
  });

  test("is a conflict in every other state", () => {
    const h = new Harness();
    const [succeeded] = [h.accept()];
    h.succeed(h.takeOne().lease);
    const running = h.accept();
    h.take();
    const ids = [succeeded, running, h.accept(), h.accept({ delayMs: HOUR })];
    const rows = h.rows();
    expect(ids.map((id) => h.retry(id))).toEqual(["conflict", "conflict", "conflict", "conflict"]);
    expect(h.rows()).toEqual(rows);
  });

  test("rings for it", () => {
    const h = new Harness();
    const id = h.accept();
    h.failOne();
    h.advance(10 * SECOND);
    h.rung();
    h.retry(id);
    expect(h.rung()).toHaveLength(1);
  });
});

describe("redrive of a queue", () => {
  test("takes failed jobs only, of that queue only", () => {
    const h = new Harness();
    const ids = failed(h, 3);
    const cancelled = h.accept();
    h.cancel(cancelled);
    const other = settingsOf({ name: "other" });
    const elsewhere = h.job({}, other);
    h.submit([elsewhere], { queues: [other] });
    h.failOne();
    expect(redrive(h)).toEqual({ matched: 3, redriven: 3, skipped: 0, next: null });
    expect(inState(h, ids, "queued")).toHaveLength(3);
    expect([h.state(cancelled), h.state(elsewhere.id)]).toEqual(["cancelled", "failed"]);
    expect(redrive(h)).toEqual({ matched: 0, redriven: 0, skipped: 0, next: null });
  });

  test("filters by error code, tag and time of the end, all together", () => {
    const h = new Harness();
    failed(h, 2, { code: "other", tags: ["a"] });
    failed(h, 2, { code: "boom", tags: ["b"] });
    const early = failed(h, 2, { code: "boom", tags: ["a", "b"] });
    h.now += MINUTE;
    const late = failed(h, 2, { code: "boom", tags: ["a"] });
    const count = (filter: Partial<rpc.RedriveRequest["filter"]>) =>
      redrive(h, { filter: { ...ANY, ...filter }, dryRun: true }).matched;
    expect([
      count({}),
      count({ errorCode: "boom" }),
      count({ errorCode: "nothing" }),
      count({ tag: "a" }),
      count({ tag: "b" }),
      count({ finishedBefore: START + MINUTE }),
      count({ finishedBefore: START }),
      count({ errorCode: "boom", tag: "a" }),
    ]).toEqual([8, 6, 0, 6, 4, 6, 0, 4]);
    const filter = { ...ANY_FAILED, errorCode: "boom", tag: "a", finishedBefore: START + MINUTE };
    expect(redrive(h, { filter })).toMatchObject({ matched: 2, redriven: 2 });
    expect(inState(h, early, "queued")).toHaveLength(2);
    expect(inState(h, late, "failed")).toHaveLength(2);
  });

  test("as a dry run says what it would take and changes nothing", () => {
    const h = new Harness();
    failed(h, 3);
    const rows = h.rows();
    expect(redrive(h, { dryRun: true })).toEqual({ matched: 3, redriven: 0, skipped: 0, next: null });
    expect(h.rows()).toEqual(rows);
  });

  test("walks up by id, a bounded number a step, and misses none", () => {
    const h = new Harness();
    const ids = failed(h, 450);
    h.cancel(h.accept());
    const replies: rpc.RedriveReply[] = [];
    for (let after: string | null = null; ; ) {
      const reply = redrive(h, { after });
      replies.push(reply);
      after = reply.next;
      if (after === null) break;
    }
    expect(replies.map(({ redriven }) => redriven)).toEqual([200, 200, 50]);
    expect(inState(h, ids, "queued")).toHaveLength(450);
    expect(redrive(new Harness(), { limit: 5 })).toEqual({ matched: 0, redriven: 0, skipped: 0, next: null });
  });

  test("goes on past a page in which nothing matched", () => {
    const h = new Harness();
    failed(h, 10);
    failed(h, 1, { code: "rare" });
    const filter = { ...ANY, errorCode: "rare" };
    const first = redrive(h, { filter, limit: 10 });
    expect(first).toMatchObject({ matched: 0, redriven: 0 });
    expect(first.next).not.toBeNull();
    expect(redrive(h, { filter, limit: 10, after: first.next })).toEqual({
      matched: 1,
      redriven: 1,
      skipped: 0,
      next: null,
    });
  });

  test("with a rate spaces them out from the first delay on, and they come one by one", () => {
    const h = new Harness();
    const ids = failed(h, 4);
    redrive(h, { spacing: { firstDelayMs: 1000, everyMs: 400.5 } });
    expect(ids.map((id) => h.get(id).runAt - h.now)).toEqual([1000, 1400, 1801, 2201]);
    expect(inState(h, ids, "scheduled")).toHaveLength(4);
    h.advance(1801);
    expect(inState(h, ids, "queued")).toHaveLength(3);
  });

  test("spaced from now on starts the first at once", () => {
    const h = new Harness();
    const ids = failed(h, 2);
    redrive(h, { spacing: { firstDelayMs: 0, everyMs: 1000 } });
    expect(ids.map((id) => h.state(id))).toEqual(["queued", "scheduled"]);
  });

  test("of a queue that is not known takes nothing", () => {
    expect(redrive(new Harness())).toEqual({ matched: 0, redriven: 0, skipped: 0, next: null });
  });
});

describe("purge of a queue", () => {
  test("cancels what is queued, scheduled and blocked; what runs goes on", () => {
    const h = new Harness();
    const running = h.accept({ orderingKey: "k" });
    const { lease } = h.takeOne();
    const waiting = [
      h.accept({ orderingKey: "k" }),
      h.accept({ orderingKey: "k", delayMs: HOUR }),
      h.accept({ delayMs: HOUR }),
      h.accept(),
      h.accept({ orderingKey: "l" }),
      h.accept({ orderingKey: "l" }),
    ];
    const succeededBefore = h.stats().counts;
    expect(succeededBefore).toMatchObject({ running: 1, queued: 4, scheduled: 2 });
    expect(purge(h)).toEqual({ cancelled: 6, more: true, next: null });
    expect(purge(h)).toEqual({ cancelled: 0, more: false, next: null });
    expect(inState(h, waiting, "cancelled")).toHaveLength(6);
    expect(h.state(running)).toBe("running");
    expect(h.succeed(lease)).toBe("recorded");
    expect(h.broken()).toEqual([]);
  });

  test("goes on in steps until nothing waits, and no job of a key slips through in between", () => {
    const h = new Harness();
    h.submit([...h.jobs(300), ...h.jobs(300, { orderingKey: "k" }), ...h.jobs(300, { delayMs: DAY })]);
    let cancelled = 0;
    for (let steps = 0; steps < 20; steps++) {
      const reply = purge(h);
      cancelled += reply.cancelled;
      expect(reply.cancelled).toBeLessThanOrEqual(200);
      if (!reply.more) break;
    }
    expect(cancelled).toBe(900);
    expect(h.stats().counts).toMatchObject({ queued: 0, scheduled: 0, cancelled: 900 });
    expect(h.broken()).toEqual([]);
  });

  test("leaves other queues alone", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other" });
    const elsewhere = [h.job({}, other), h.job({ orderingKey: "k" }, other), h.job({ delayMs: DAY }, other)];
    h.submit(elsewhere, { queues: [other] });
    h.submit([h.job(), h.job({ orderingKey: "k" })]);
    purge(h);
    expect(inState(h, idsOf(elsewhere), "cancelled")).toEqual([]);
    expect(h.stats().counts.cancelled).toBe(2);
  });

  test("of a queue that is not known cancels nothing", () => {
    expect(purge(new Harness())).toEqual({ cancelled: 0, more: false, next: null });
  });
});

describe("stats", () => {
  test("count what lives, what is dead, and what history lacks", () => {
    const h = new Harness();
    h.submit([...h.jobs(2), h.job({ delayMs: DAY }), h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" })]);
    h.now += 2 * SECOND;
    const [first, second, third] = h.take();
    h.succeed(first?.lease ?? "");
    h.fail(second?.lease ?? "", { retryable: false });
    expect(third).toBeDefined();
    expect(h.stats()).toMatchObject({
      counts: { scheduled: 1, queued: 1, running: 1, succeeded: 0, failed: 1, cancelled: 0 },
      unprojectedSucceeded: 1,
      oldestQueuedAt: null,
      inFlight: 1,
      latenciesMs: [2000, 2000],
    });
    h.project();
    expect(h.stats()).toMatchObject({ unprojectedSucceeded: 0, counts: { failed: 1 } });
  });

  test("say since when the oldest ready job waits", () => {
    const h = new Harness();
    h.accept();
    h.now += SECOND;
    h.accept({ priority: 9 });
    expect(h.stats().oldestQueuedAt).toBe(START);
  });

  test("say how much happened a second over the last minute, and no longer", () => {
    const h = new Harness();
    h.advance(MINUTE);
    h.submit(h.jobs(120));
    h.advance(SECOND);
    expect(h.stats().perSecond.accepted).toBeCloseTo(2);
    h.advance(MINUTE);
    expect(h.stats().perSecond.accepted).toBe(0);
  });

  test("of a queue that is not known are all nought", () => {
    const h = new Harness();
    expect(h.stats()).toMatchObject({ counts: { queued: 0, failed: 0 }, inFlight: 0, oldestQueuedAt: null });
  });

  test("equal the rows after a restart", () => {
    const h = new Harness();
    h.submit([...h.jobs(5), h.job({ delayMs: DAY }), h.job({ orderingKey: "k" }), h.job({ orderingKey: "k" })]);
    h.take(2);
    const before = h.stats();
    h.restart();
    expect(h.stats()).toMatchObject({ counts: before.counts, inFlight: 2 });
  });
});

describe("a job that cannot come back", () => {
  const failed = () => {
    const h = new Harness({ partitions: 4 });
    const id = h.accept({ retry: { maxAttempts: 1 } });
    h.fail(h.takeOne().lease);
    h.now += SECOND;
    return { h, id };
  };
  const retried = (h: Harness, id: string) => h.core.retry({ ...CALL, namespace: "default", id });

  test.each<[string, Partial<QueueSettings>, string]>([
    ["the queue's partitions have changed since", { version: 2, partitions: 1 }, "repartitioned"],
    ["the queue is gone", { version: 2, deleted: true }, "queue-deleted"],
  ])("is left alone: %s", (_, change, because) => {
    const { h, id } = failed();
    h.core.configure({ ...CALL, queues: [{ ...h.queue, ...change }] });
    h.restart();
    expect(retried(h, id)).toMatchObject({ type: "conflict", because });
    const filter = ANY_FAILED;
    const walk = {
      ...CALL,
      namespace: "default",
      queue: "q",
      filter,
      after: null,
      limit: 10,
      dryRun: false,
      spacing: null,
      patch: null,
    };
    expect(h.core.redrive(walk)).toEqual({ matched: 1, redriven: 0, skipped: 1, next: null });
  });

  test("any other change of the queue lets it come back", () => {
    const { h, id } = failed();
    h.core.configure({ ...CALL, queues: [{ ...h.queue, version: 2, paused: true }] });
    expect(retried(h, id)).toMatchObject({ type: "job", job: { state: "queued" } });
  });
});
