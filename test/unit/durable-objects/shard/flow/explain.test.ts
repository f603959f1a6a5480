import { describe, expect, test } from "vitest";
import {
  ANY_FAILED,
  CALL,
  DAY,
  Harness,
  HOUR,
  MINUTE,
  SECOND,
  START,
  settingsOf,
} from "../../../../rigs/shard-harness.ts";

const PULL = { target: { type: "pull" } } as const;

describe("explain says of a job that", () => {
  test("the next claim takes it: ready", () => {
    const h = new Harness();
    const id = h.accept();
    expect(h.explain(id)).toMatchObject({
      state: "queued",
      reason: "ready",
      blockedBy: null,
      ahead: 0,
      estimatedStartAt: START,
    });
    expect(h.take(1)).toMatchObject([{ id }]);
  });

  test("its run-at has not come: scheduled", () => {
    const h = new Harness();
    expect(h.explain(h.accept({ delayMs: HOUR }))).toMatchObject({
      state: "scheduled",
      reason: "scheduled",
      estimatedStartAt: START + HOUR,
    });
  });

  test("it failed and waits for its next attempt: retrying", () => {
    const h = new Harness();
    const id = h.accept();
    h.fail(h.takeOne().lease);
    expect(h.explain(id)).toMatchObject({
      state: "scheduled",
      reason: "retrying",
      estimatedStartAt: START + SECOND,
    });
    expect(h.explain(id).detail).toContain("Attempt 1");
  });

  test("it was redriven for later: scheduled, not retrying", () => {
    const h = new Harness();
    const id = h.accept();
    h.failOne();
    h.core.redrive({
      v: 1,
      epoch: 1,
      namespace: "default",
      queue: "q",
      filter: ANY_FAILED,
      after: null,
      limit: 1,
      dryRun: false,
      patch: null,
      spacing: { firstDelayMs: HOUR, everyMs: 0 },
    });
    expect(h.explain(id).reason).toBe("scheduled");
  });

  test("its queue is paused: paused, whatever else", () => {
    const h = new Harness();
    const [queued, scheduled] = [h.accept(), h.accept({ delayMs: HOUR })];
    h.configure({ paused: true });
    expect([h.explain(queued).reason, h.explain(scheduled).reason]).toEqual(["paused", "paused"]);
  });

  test("an earlier job of its key is not final: ordering, and which", () => {
    const h = new Harness();
    const [head, middle, last] = [
      h.accept({ orderingKey: "k" }),
      h.accept({ orderingKey: "k" }),
      h.accept({ orderingKey: "k" }),
    ];
    for (const id of [middle, last]) expect(h.explain(id)).toMatchObject({ reason: "ordering", blockedBy: head });
    const { lease } = h.takeOne();
    expect(h.explain(middle)).toMatchObject({ reason: "ordering", blockedBy: head });
    expect(h.explain(middle).detail).toContain("running");
    h.succeed(lease);
    expect(h.explain(middle).reason).toBe("ready");
    expect(h.explain(last)).toMatchObject({ reason: "ordering", blockedBy: middle });
  });

  test("its queue runs as many as it may: concurrency", () => {
    const h = new Harness({ concurrency: 2, partitions: 2 });
    const first = h.accept({ partition: 0 });
    const [second, elsewhere] = [h.accept({ partition: 0 }), h.accept({ partition: 1 })];
    expect(h.take(1)).toMatchObject([{ id: first }]);
    expect(h.explain(second).reason).toBe("concurrency");
    expect(["ready", "priority"]).toContain(h.explain(elsewhere).reason);
    h.configure({ concurrency: 4 });
    expect(h.explain(second).reason).toBe("ready");
  });

  test("its queue has had as many starts as its rate allows: rate, and when it may start itself", () => {
    const h = new Harness({ rate: { limit: 2, periodMs: MINUTE } });
    const [, , third, fourth, fifth] = [h.accept(), h.accept(), h.accept(), h.accept(), h.accept()];
    h.succeed(h.take(1)[0]?.lease ?? "");
    h.advance(10 * SECOND);
    h.succeed(h.take(1)[0]?.lease ?? "");
    const opensAt = START + MINUTE + 1;
    expect(h.explain(third)).toMatchObject({ reason: "rate", ahead: 0, estimatedStartAt: opensAt });
    expect(h.explain(fourth)).toMatchObject({ reason: "rate", ahead: 1, estimatedStartAt: opensAt + 10 * SECOND });
    expect(h.explain(fifth)).toMatchObject({ reason: "rate", ahead: 2, estimatedStartAt: opensAt + MINUTE + 1 });
    expect(h.explain(third).detail).toContain("2 jobs in 60 s");
    h.advance(opensAt - h.now);
    expect(h.explain(third)).toMatchObject({ reason: "ready", estimatedStartAt: opensAt });
    expect(h.takeOne().id).toBe(third);
  });

  test("its queue is full and its rate is used up: concurrency, because time alone does not help", () => {
    const h = new Harness({ concurrency: 1, rate: { limit: 1, periodMs: MINUTE } });
    const [, second] = [h.accept(), h.accept()];
    const { lease } = h.takeOne();
    expect(h.explain(second)).toMatchObject({ reason: "concurrency", estimatedStartAt: null });
    h.succeed(lease);
    expect(h.explain(second)).toMatchObject({ reason: "rate", estimatedStartAt: START + MINUTE + 1 });
  });

  test("its concurrency key is full and its rate is used up: concurrency, then rate", () => {
    const h = new Harness({ perKeyConcurrency: 1, perKeyRate: { limit: 1, periodMs: MINUTE } });
    const [, second] = [h.accept({ concurrencyKey: "k" }), h.accept({ concurrencyKey: "k" })];
    const { lease } = h.takeOne();
    expect(h.explain(second)).toMatchObject({ reason: "concurrency", estimatedStartAt: null });
    h.succeed(lease);
    expect(h.explain(second)).toMatchObject({ reason: "rate", estimatedStartAt: START + MINUTE + 1 });
  });

  test("its concurrency key is full: concurrency, with numbers; its rate is used up: rate", () => {
    const key = { concurrencyKey: "k" };
    const h = new Harness({ perKeyConcurrency: 2, perKeyRate: { limit: 3, periodMs: MINUTE } });
    h.submit(h.jobs(2, key));
    const [third, fourth] = [h.accept(key), h.accept(key)];
    const items = h.take();
    expect(h.explain(fourth)).toMatchObject({
      reason: "concurrency",
      detail: "Its concurrency key runs 2/2 jobs.",
      ahead: 1,
    });
    h.succeed(items[0]?.lease ?? "");
    expect(h.explain(fourth)).toMatchObject({ reason: "priority", ahead: 1 });
    expect(h.explain(fourth).detail).toContain("concurrency key");
    expect(h.takeOne().id).toBe(third);
    h.succeed(items[1]?.lease ?? "");
    expect(h.explain(fourth)).toMatchObject({ reason: "rate", ahead: 0, estimatedStartAt: START + MINUTE + 1 });
  });

  test("it is due though its alarm is late, and its key is full: concurrency", () => {
    const h = new Harness({ perKeyConcurrency: 1 });
    h.accept({ concurrencyKey: "k", timeoutMs: HOUR });
    const due = h.accept({ concurrencyKey: "k", delayMs: SECOND });
    h.extend(h.takeOne().lease, HOUR);
    h.now += MINUTE;
    expect(h.explain(due).reason).toBe("concurrency");
  });

  test("other queues of its lane have turns first: fairness, and how many", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other", weight: 3 });
    const [first, second] = [h.accept(), h.accept()];
    h.submit(
      Array.from({ length: 9 }, () => h.job({}, other)),
      { queues: [other] },
    );
    expect(h.explain(first)).toMatchObject({ reason: "ready", ahead: 0 });
    expect(h.take(1)).toMatchObject([{ id: first }]);
    expect(h.explain(second)).toMatchObject({ reason: "fairness", ahead: 3, estimatedStartAt: null });
    expect(h.take(3).map(({ queue }) => queue)).toEqual(["other", "other", "other"]);
    expect(h.explain(second)).toMatchObject({ reason: "ready", ahead: 0 });
    expect(h.take(1)).toMatchObject([{ id: second }]);
  });

  test("others go first: those of a partition that is full do not", () => {
    const h = new Harness({ partitions: 2, concurrency: 4 });
    h.submit(h.jobs(2, { partition: 0 }));
    h.take();
    h.submit(h.jobs(3, { partition: 0, priority: 9 }));
    // Now more run there than may.
    h.configure({ concurrency: 2 });
    expect(h.explain(h.accept({ partition: 1, priority: 0 }))).toMatchObject({ reason: "ready", ahead: 0 });
  });

  test("others go first: priority, and how many", () => {
    const h = new Harness({ partitions: 2 });
    const low = h.accept({ priority: 1 });
    h.submit([...h.jobs(2, { priority: 9, partition: 1 }), h.job({ priority: 0 }), h.job({ orderingKey: "k" })]);
    const other = settingsOf({ name: "other" });
    h.submit([h.job({ priority: 9 }, other)], { queues: [other] });
    expect(h.explain(low)).toMatchObject({ reason: "priority", ahead: 3 });
    const equal = h.accept({ priority: 1 });
    expect(h.explain(equal)).toMatchObject({ reason: "priority", ahead: 4 });
  });

  test("nobody has claimed from its pull queue for 30 s: no-worker, until somebody does", () => {
    const h = new Harness(PULL);
    const [id] = [h.accept(), h.accept(), h.accept()];
    h.advance(30 * SECOND - 1);
    expect(h.explain(id).reason).toBe("ready");
    h.advance(1);
    expect(h.explain(id)).toMatchObject({ reason: "no-worker", ahead: 0 });
    h.claim({ max: 1 });
    expect(h.claim({ max: 0 })).toEqual([]);
    const [next] = h.core
      .list({
        v: 1,
        epoch: 1,
        namespace: "default",
        filter: { queue: null, state: "queued", tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
        before: null,
        limit: 1,
        include: { payload: false, result: false, attempts: false },
      })
      .items.map((job) => job.id);
    expect(h.explain(next ?? "").reason).toBe("priority");
    h.advance(MINUTE);
    expect(h.explain(next ?? "").reason).toBe("no-worker");
  });

  test("a worker that was missing is missing after a restart too: a claim would have taken the job", () => {
    const h = new Harness({ target: { type: "pull" } });
    const id = h.accept();
    h.advance(10 * SECOND);
    h.restart();
    expect(h.explain(id).reason).toBe("ready");
    h.advance(20 * SECOND);
    expect(h.explain(id).reason).toBe("no-worker");
    h.restart();
    expect(h.explain(id).reason).toBe("no-worker");
  });

  describe("nobody has come for 10 s: no-executor,", () => {
    const AT = "2027-01-15T08:00:00.000Z";

    test("since the bell first rang for it, and not while that bell may be on its way", () => {
      const h = new Harness();
      const id = h.accept();
      h.advance(10 * SECOND - 1);
      expect(h.explain(id)).toMatchObject({ reason: "ready", since: null });
      h.advance(1);
      expect(h.explain(id)).toMatchObject({
        reason: "no-executor",
        ahead: 0,
        since: START,
        detail: `Nobody has come for the handler jobs of lane default for 10 s, since ${AT}. No processor is known to have ever come for the lane: it has to be deployed, as the consumer of the lane's Queue.`,
      });
      h.advance(DAY);
      expect(h.explain(h.accept())).toMatchObject({ reason: "no-executor", ahead: 1, since: START });
    });

    test("also after a restart, when only the rows know since when", () => {
      const h = new Harness();
      const id = h.accept();
      h.advance(5 * SECOND);
      h.restart();
      expect(h.explain(id).reason).toBe("ready");
      h.advance(5 * SECOND);
      h.restart();
      expect(h.explain(id)).toMatchObject({ reason: "no-executor", since: START });
    });

    test("who came last is told, of which version; and whoever comes ends it", () => {
      const h = new Harness();
      h.accept();
      h.work({ version: "1.2.3" });
      h.restart();
      const id = h.accept();
      h.advance(MINUTE);
      expect(h.explain(id).detail).toMatch(
        `for 60 s, since ${AT}. The processor, version 1.2.3, is known to have come last at ${AT}.`,
      );
      h.work({ version: "1.2.4", room: { handler: 1, http: 0 } });
      h.accept();
      expect(h.explain(h.accept())).toMatchObject({ reason: "priority", since: null });
    });

    test("in the lane that nobody visits, and not for work that a limit holds back", () => {
      const h = new Harness({ concurrency: 1 });
      h.submit(h.jobs(2));
      const slow = settingsOf({ name: "slow", lane: "slow" });
      const alone = h.job({}, slow);
      h.submit([alone], { queues: [slow] });
      h.extend(h.takeOne().lease, HOUR);
      h.advance(MINUTE - 1);
      expect(h.explain(h.accept()).reason).toBe("concurrency");
      expect(h.explain(alone.id)).toMatchObject({ reason: "no-executor", since: START });
    });

    test("when its queue was paused meanwhile, since it was resumed", () => {
      const h = new Harness();
      const id = h.accept();
      h.configure({ paused: true });
      h.advance(HOUR);
      h.configure({ paused: false });
      expect(h.explain(id).reason).toBe("ready");
      h.advance(10 * SECOND);
      expect(h.explain(id)).toMatchObject({ reason: "no-executor", since: START + HOUR });
    });

    test("an executor without room for such jobs has not come for them; one without connections says so", () => {
      const h = new Harness({ target: { type: "http", url: "https://x.test/", headers: {} } });
      const id = h.accept();
      for (let i = 0; i < 12; i++) {
        h.advance(SECOND);
        h.work({ room: { handler: 100, http: 0 } });
        expect(h.explain(id).reason).toBe("connections");
      }
      h.advance(10 * SECOND);
      expect(h.explain(id)).toMatchObject({ reason: "no-executor", since: START });
      expect(h.explain(id).detail).toContain("and had no room for them");
      expect(h.work().items).toMatchObject([{ id }]);
      expect(h.explain(h.accept()).reason).toBe("ready");
    });

    test("a clock that steps back leaves no wait in the future", () => {
      const h = new Harness();
      const id = h.accept();
      h.now -= HOUR;
      h.core.wake(CALL);
      h.advance(10 * SECOND);
      expect(h.explain(id)).toMatchObject({ reason: "no-executor", since: START - HOUR });
    });
  });

  test("its namespace is being deleted: deleting", () => {
    const h = new Harness({ namespace: "acme" });
    const id = h.accept();
    expect(h.explain(id).reason).toBe("ready");
    h.namespace({}, { deletingAt: START });
    expect(h.explain(id).reason).toBe("deleting");
  });

  test("it runs, in which attempt and where: running", () => {
    const h = new Harness();
    const id = h.accept();
    h.take();
    expect(h.explain(id)).toMatchObject({ state: "running", reason: "running" });
    expect(h.explain(id).detail).toContain("executor");
  });

  test("it is final, in each final state", () => {
    const h = new Harness();
    const ids = [h.accept(), h.accept(), h.accept()];
    h.cancel(ids[2] ?? "");
    const [first, second] = h.take();
    h.succeed(first?.lease ?? "");
    h.fail(second?.lease ?? "", { retryable: false });
    expect(ids.map((id) => h.explain(id)).map(({ state, reason }) => [state, reason])).toEqual([
      ["succeeded", "final"],
      ["failed", "final"],
      ["cancelled", "final"],
    ]);
  });

  test("it is due though its alarm is late: not scheduled any more", () => {
    const h = new Harness();
    const id = h.accept({ delayMs: SECOND });
    h.now += MINUTE;
    expect(h.explain(id).reason).toBe("ready");
  });
});
