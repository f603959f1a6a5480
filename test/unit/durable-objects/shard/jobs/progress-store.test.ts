import { describe, expect, test } from "vitest";
import type { ExtendResult, Extension, ProgressPatch } from "../../../../../contract/rpc.ts";
import { BOOM, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const CHECKPOINT = '{"page":7}';

function extendAll(h: Harness, leases: Extension[], namespace: string | null = null): ExtendResult[] {
  const reply = h.core.extend({ ...CALL, namespace, leases });
  if (reply.type !== "extended") throw new Error(reply.type);
  return reply.results;
}

function say(h: Harness, lease: string, progress: ProgressPatch): ExtendResult {
  return only(extendAll(h, [{ lease, leaseMs: 15 * SECOND, unlessLeftMs: null, progress }]));
}

/** Every statement that the shard runs from now on. */
function queriesOf(h: Harness): string[] {
  const all = h.sql.all.bind(h.sql);
  const run = h.sql.run.bind(h.sql);
  const asked: string[] = [];
  Object.assign(h.sql, {
    all: (query: string, ...params: never[]) => {
      asked.push(query);
      return all(query, ...params);
    },
    run: (query: string, ...params: never[]) => {
      asked.push(query);
      return run(query, ...params);
    },
  });
  return asked;
}

describe("progress", () => {
  test("is told with the job: with a read, in a list, with a claim", () => {
    const h = new Harness({ target: { type: "pull" } });
    const id = h.accept();
    const { lease, job } = only(h.claim());
    expect(job.progress ?? null).toBeNull();
    h.advance(SECOND);
    say(h, lease, { percent: 12.5, message: "page 7 of 56", checkpoint: CHECKPOINT });
    const progress = { percent: 12.5, message: "page 7 of 56", at: h.now };
    expect(h.get(id).progress).toEqual(progress);
    const page = h.core.list({
      ...CALL,
      namespace: "default",
      filter: { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
      before: null,
      limit: 10,
      include: { payload: false, result: false, attempts: false },
    });
    expect(only(page.items).progress).toEqual(progress);
    h.fail(lease);
    h.advance(SECOND);
    expect(only(h.claim())).toMatchObject({ checkpoint: CHECKPOINT, job: { attempt: 2, progress } });
  });

  test("what is left out stays as it was; null forgets the checkpoint alone", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    say(h, lease, { percent: 1, checkpoint: CHECKPOINT });
    say(h, lease, { message: "two" });
    say(h, lease, { percent: 3 });
    expect(h.get(id).progress).toMatchObject({ percent: 3, message: "two" });
    say(h, lease, { checkpoint: null });
    expect(h.get(id).progress).toMatchObject({ percent: 3, message: "two" });
    h.fail(lease);
    h.advance(SECOND);
    expect(h.takeOne().checkpoint ?? null).toBeNull();
  });

  test("nothing to remember makes no row", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    say(h, lease, { checkpoint: null });
    say(h, lease, {});
    expect(h.count("progress")).toBe(0);
  });

  test("a restart forgets nothing", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    say(h, lease, { percent: 50, checkpoint: CHECKPOINT });
    h.restart();
    expect(h.get(id).progress).toMatchObject({ percent: 50 });
    h.advance(15 * SECOND);
    expect(h.get(id)).toMatchObject({ state: "scheduled", error: { code: "lease-expired" } });
    h.advance(SECOND);
    expect(h.takeOne()).toMatchObject({ id, attempt: 2, checkpoint: CHECKPOINT });
  });

  test("what a failed attempt has said is given to the next, though that begins in the same step", () => {
    const h = new Harness({
      retry: { maxAttempts: 3, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" },
    });
    h.accept();
    const { lease } = h.takeOne();
    const outcome = { ok: false, error: BOOM, retryAfterMs: null } as const;
    const { items } = h.work({ reports: [{ lease, outcome, progress: { checkpoint: '{"at":7}' } }] });
    expect(items).toMatchObject([{ attempt: 2, checkpoint: '{"at":7}' }]);
  });

  test("a success in the same step as the first word of a job leaves no row", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    h.work({ room: { handler: 0, http: 0 }, reports: [{ lease, outcome, progress: { percent: 100 } }] });
    expect(h.count("progress")).toBe(0);
  });

  test("a step that is undone leaves no row, and nothing is told of a job then", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    const before = h.rows();
    const reply = h.core.extend({
      ...CALL,
      namespace: null,
      // A value that SQLite cannot take stands for any fault in the middle of a step.
      leases: [{ lease, leaseMs: SECOND, unlessLeftMs: null, progress: { message: {} as string } }],
    });
    expect(reply.results.map(({ status }) => status)).toEqual(["busy"]);
    expect(h.rows()).toEqual(before);
    expect(h.count("progress")).toBe(0);
    expect(h.get(id).progress ?? null).toBeNull();
    say(h, lease, { percent: 2 });
    expect(h.get(id).progress).toMatchObject({ percent: 2 });
  });

  test.each([
    ["that was superseded", (h: Harness) => h.advance(20 * SECOND), "stale"],
    ["of a cancelled job", (h: Harness, id: string) => h.cancel(id), "cancelled"],
    ["of a job that succeeded", (h: Harness, _: string, lease: string) => h.succeed(lease), "stale"],
    ["whose end is this very moment", (h: Harness) => (h.now += 15 * SECOND), "stale"],
  ] as const)("under a lease %s nothing is stored", (_name, end, status) => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    end(h, id, lease);
    expect(say(h, lease, { percent: 99, checkpoint: CHECKPOINT }).status).toBe(status);
    expect(h.count("progress")).toBe(0);
  });

  test("another namespace's lease stores nothing", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    expect(
      only(extendAll(h, [{ lease, leaseMs: SECOND, unlessLeftMs: null, progress: { percent: 1 } }], "other")).status,
    ).toBe("unknown");
    expect(h.count("progress")).toBe(0);
  });

  test("a failure stores what was said with it, a success does not, a refused one neither", () => {
    const h = new Harness();
    const id = h.accept();
    const first = h.takeOne();
    const failure = { ok: false, error: { code: "x", message: "", retryable: true }, retryAfterMs: null } as const;
    const report = (lease: string) => ({ lease, outcome: failure, progress: { checkpoint: CHECKPOINT } });
    h.core.report({ ...CALL, namespace: null, withJobs: false, queues: [], waitMs: 0, reports: [report(first.lease)] });
    h.advance(SECOND);
    const second = h.takeOne();
    expect(second).toMatchObject({ id, attempt: 2, checkpoint: CHECKPOINT });
    const late = { ...report(first.lease), progress: { checkpoint: '"old"' } };
    h.core.report({ ...CALL, namespace: null, withJobs: false, queues: [], waitMs: 0, reports: [late] });
    h.fail(second.lease);
    h.advance(2 * SECOND);
    expect(h.takeOne()).toMatchObject({ attempt: 3, checkpoint: CHECKPOINT });
  });
});

describe("progress goes", () => {
  function withProgress(over: ConstructorParameters<typeof Harness>[0] = {}) {
    const h = new Harness(over);
    const id = h.accept();
    const { lease } = h.takeOne();
    say(h, lease, { percent: 50, checkpoint: CHECKPOINT });
    expect(h.count("progress")).toBe(1);
    return { h, id, lease };
  }

  test("when the job succeeds", () => {
    const { h, id, lease } = withProgress();
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    const answer = h.report(lease, outcome, { withJobs: true });
    expect(answer).toMatchObject({ status: "recorded", job: { state: "succeeded", progress: null } });
    expect(h.count("progress")).toBe(0);
    expect(h.get(id).progress ?? null).toBeNull();
  });

  test("when the job is cancelled", () => {
    const { h, id } = withProgress();
    h.cancel(id);
    expect(h.count("progress")).toBe(0);
  });

  test("when a failed job is forgotten, but not before: a redrive goes on from the checkpoint", () => {
    const { h, id, lease } = withProgress({ retentionMs: DAY });
    h.fail(lease, { retryable: false });
    expect(h.get(id)).toMatchObject({ state: "failed", progress: { percent: 50 } });
    h.retry(id);
    const again = h.takeOne();
    expect(again).toMatchObject({ id, attempt: 2, checkpoint: CHECKPOINT });
    h.fail(again.lease, { retryable: false });
    h.project();
    h.advance(DAY + HOUR);
    expect(h.has(id)).toBe(false);
    expect(h.count("progress")).toBe(0);
  });

  test("not with the old record of a job that was redriven since", () => {
    const { h, id, lease } = withProgress({ retentionMs: HOUR, timeoutMs: 3 * HOUR });
    h.fail(lease, { retryable: false });
    h.project();
    h.retry(id);
    h.work({ leaseMs: 3 * HOUR });
    h.advance(2 * HOUR);
    expect(h.get(id)).toMatchObject({ state: "running", progress: { percent: 50 } });
  });

  test("history keeps nothing of it", () => {
    const { h, lease } = withProgress();
    h.fail(lease, { retryable: false });
    expect(only(h.project())).not.toHaveProperty("progress");
  });
});

describe("two clocks", () => {
  test("extensions never move the end of the attempt: then it has timed out, and the lease had not expired", () => {
    const h = new Harness({ timeoutMs: MINUTE, target: { type: "pull" } });
    const id = h.accept();
    const { lease } = only(h.claim({ leaseMs: 10 * SECOND }));
    const endsAt = h.now + MINUTE;
    for (let at = 0; at < 55; at += 5) {
      const extended = only(extendAll(h, [{ lease, leaseMs: 10 * SECOND, unlessLeftMs: null }]));
      const leaseExpiresAt = Math.min(h.now + 10 * SECOND, endsAt);
      expect(extended).toEqual({ status: "extended", leaseExpiresAt, leaseLeftMs: leaseExpiresAt - h.now });
      h.advance(5 * SECOND);
    }
    expect(h.state(id)).toBe("running");
    h.advance(5 * SECOND);
    expect(h.get(id)).toMatchObject({ state: "scheduled", error: { code: "timeout" } });
    expect(extendAll(h, [{ lease, leaseMs: 10 * SECOND, unlessLeftMs: null }])).toEqual([{ status: "stale" }]);
  });

  test("a worker that stops extending is missed at the end of its lease, long before the timeout", () => {
    const h = new Harness({ timeoutMs: HOUR, target: { type: "pull" } });
    const id = h.accept();
    h.claim({ leaseMs: 10 * SECOND });
    h.advance(10 * SECOND);
    expect(h.get(id)).toMatchObject({ state: "scheduled", error: { code: "lease-expired" } });
  });

  test("without a length the lease is extended by the job's timeout, as far as the attempt goes", () => {
    const h = new Harness({ timeoutMs: MINUTE, target: { type: "pull" } });
    const id = h.accept();
    const { lease } = only(h.claim({ leaseMs: 10 * SECOND }));
    const endsAt = h.now + MINUTE;
    h.advance(5 * SECOND);
    expect(extendAll(h, [{ lease, leaseMs: null, unlessLeftMs: null }])).toMatchObject([{ leaseExpiresAt: endsAt }]);
    expect(h.get(id).leaseExpiresAt).toBe(endsAt);
  });
});

describe("a heartbeat that asks", () => {
  const asking = (lease: string): Extension => ({ lease, leaseMs: 15 * SECOND, unlessLeftMs: 7_500 });

  test("writes nothing while more than it needs is left, and moves the lease then", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.advance(5 * SECOND);
    const before = h.rows();
    const written = h.sql.rowsWritten();
    expect(extendAll(h, [asking(lease)])).toMatchObject([{ status: "extended", leaseLeftMs: 10 * SECOND }]);
    expect(h.sql.rowsWritten()).toBe(written);
    expect(h.rows()).toEqual(before);
    h.advance(5 * SECOND);
    expect(extendAll(h, [asking(lease)])).toMatchObject([{ status: "extended", leaseLeftMs: 15 * SECOND }]);
    h.advance(14 * SECOND);
    expect(h.state(id)).toBe("running");
  });

  test("hears of a cancellation, whatever is left", () => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    expect(extendAll(h, [asking(lease)])).toEqual([{ status: "cancelled" }]);
  });

  test("stores what is said all the same, for one row", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    const before = h.rows();
    extendAll(h, [{ ...asking(lease), progress: { percent: 5 } }]);
    expect(h.rows()).toEqual(before);
    expect(h.count("progress")).toBe(1);
  });

  test("does not move a lease that lasts to the end of the attempt", () => {
    const h = new Harness({ timeoutMs: 10 * SECOND });
    h.accept();
    const { lease } = h.takeOne();
    h.advance(9 * SECOND);
    const before = h.rows();
    expect(extendAll(h, [asking(lease)])).toMatchObject([{ status: "extended", leaseLeftMs: 3 * SECOND }]);
    expect(h.rows()).toEqual(before);
  });
});

describe("a report on a cancelled job", () => {
  test.each([true, false])("is stale and says why (success: %s)", (ok) => {
    const h = new Harness();
    const id = h.accept();
    const { lease } = h.takeOne();
    h.cancel(id);
    const outcome = ok
      ? ({ ok, result: null, resultTruncated: false } as const)
      : ({ ok, error: { code: "x", message: "", retryable: true }, retryAfterMs: null } as const);
    expect(h.report(lease, outcome)).toEqual({ status: "stale", cancelled: true });
    expect(h.report(lease, outcome, { withJobs: true })).toMatchObject({
      cancelled: true,
      job: { state: "cancelled" },
    });
    expect(h.state(id)).toBe("cancelled");
  });

  test("under a lease of an earlier attempt does not say so: that attempt was over", () => {
    const h = new Harness();
    const id = h.accept();
    const first = h.takeOne();
    h.fail(first.lease);
    h.advance(SECOND);
    h.takeOne();
    h.cancel(id);
    expect(h.report(first.lease, { ok: true, result: null, resultTruncated: false })).toEqual({ status: "stale" });
  });
});

describe("jobs without progress", () => {
  test("cost no query of the table", () => {
    const h = new Harness();
    h.restart();
    const asked = queriesOf(h);
    const id = h.accept();
    h.get(id);
    for (const { lease } of h.take()) {
      h.extend(lease, MINUTE);
      h.succeed(lease);
    }
    h.project();
    h.advance(DAY);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((query) => query.includes("progress"))).toEqual([]);
  });
});
