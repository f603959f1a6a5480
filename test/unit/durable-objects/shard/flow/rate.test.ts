import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { partitionShare } from "../../../../../domain/queue.ts";
import { lane } from "../../../../lane.ts";
import { CALL, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const PULL = { target: { type: "pull" } } as const;
const TEN = { limit: 10, periodMs: MINUTE };

/** The most starts in any closed window of `periodMs`, of the last that `times` has of each partition. */
function most(times: number[], periodMs: number): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at <= from + periodMs).length));
}

describe("a rate", () => {
  test("lets its limit start, and the next one as soon as the first is more than a period old", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    expect(h.take(4)).toHaveLength(4);
    h.advance(10 * SECOND);
    expect(h.take()).toHaveLength(6);
    h.advance(50 * SECOND);
    expect(h.take()).toEqual([]);
    h.advance(1);
    expect(h.take()).toHaveLength(4);
    h.advance(10 * SECOND);
    expect(h.take()).toHaveLength(6);
    expect(h.broken()).toEqual([]);
  });

  test("counts every start of a job that is retried", () => {
    const h = new Harness({ rate: { limit: 3, periodMs: HOUR } });
    const id = h.accept({ retry: { maxAttempts: 9, delayMs: 0 } });
    for (let i = 0; i < 3; i++) h.fail(h.takeOne().lease);
    expect(h.take()).toEqual([]);
    expect(h.explain(id).reason).toBe("rate");
    h.advance(HOUR + 1);
    expect(h.takeOne().id).toBe(id);
  });

  test("counts a start whose job was cancelled, or whose worker was lost", () => {
    const h = new Harness({ rate: { limit: 2, periodMs: HOUR } });
    h.submit(h.jobs(4));
    h.cancel(h.take(1)[0]?.id ?? "");
    h.take(1);
    h.advance(MINUTE);
    expect(h.take()).toEqual([]);
  });

  test("holds over a restart", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    h.take();
    h.restart();
    expect(h.take()).toEqual([]);
    h.advance(MINUTE + 1);
    expect(h.take()).toHaveLength(10);
  });

  test("is divided over partitions, and a partition does not lend what it leaves", () => {
    const h = new Harness({ rate: TEN, partitions: 4 });
    for (let partition = 0; partition < 3; partition++) h.submit(h.jobs(9, { partition }));
    expect(h.take()).toHaveLength(3 + 3 + 2);
    expect(h.take()).toEqual([]);
  });

  test("and a concurrency hold together", () => {
    const h = new Harness({ rate: { limit: 3, periodMs: MINUTE }, concurrency: 2 });
    h.submit(h.jobs(9));
    const [first, second] = h.take();
    expect(h.take()).toEqual([]);
    h.succeed(first?.lease ?? "");
    expect(h.take()).toHaveLength(1);
    h.succeed(second?.lease ?? "");
    expect(h.take()).toEqual([]);
  });

  test("of a pull queue bounds its claims", () => {
    const h = new Harness({ ...PULL, rate: TEN });
    h.submit(h.jobs(30));
    expect([h.claim({ max: 7 }).length, h.claim({ max: 7 }).length, h.claim().length]).toEqual([7, 3, 0]);
  });
});

describe("a rate that changes", () => {
  test("to a lower limit counts what has started", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    h.take(6);
    h.configure({ rate: { limit: 4, periodMs: MINUTE } });
    expect(h.take()).toEqual([]);
    h.advance(MINUTE + 1);
    expect(h.take()).toHaveLength(4);
  });

  test("to a higher limit acts at once, and rings", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    h.take();
    h.rung();
    h.configure({ rate: { limit: 15, periodMs: MINUTE } });
    h.advance(SECOND);
    expect(h.rung().length).toBeGreaterThan(0);
    expect(h.take()).toHaveLength(5);
  });

  test("to a shorter period acts at once, to a longer one counts what it still knows", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(40));
    h.take();
    h.advance(30 * SECOND);
    h.configure({ rate: { limit: 10, periodMs: 20 * SECOND } });
    expect(h.take(5)).toHaveLength(5);
    h.configure({ rate: { limit: 10, periodMs: HOUR } });
    expect(h.take()).toHaveLength(5);
    expect(h.take()).toEqual([]);
  });

  test("to none lets all start", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    h.take();
    h.configure({ rate: null });
    expect(h.take()).toHaveLength(20);
  });
});

describe("as soon as a window has passed", () => {
  test("an alarm rings for executors, though nobody asked", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    for (const { lease } of h.take()) h.succeed(lease);
    h.project();
    h.work({ room: { handler: 0, http: 0 } });
    h.rung();
    h.advance(MINUTE);
    expect(h.rung()).toEqual([]);
    h.advance(1);
    expect(only(h.rung())).toMatchObject({ at: h.now, bell: { kind: "work", lane: "default" } });
  });

  test("no bell is rung before: an executor could do nothing", () => {
    const h = new Harness({ rate: { limit: 1, periodMs: HOUR } });
    h.submit(h.jobs(500));
    h.succeed(h.takeOne().lease);
    h.rung();
    h.advance(HOUR);
    expect(h.rung()).toEqual([]);
  });

  test("those who wait for a pull queue are woken, also after a restart and a lost alarm", () => {
    const h = new Harness({ ...PULL, rate: TEN });
    h.submit(h.jobs(30));
    h.claim();
    const waits = { ...CALL, namespace: "default", queue: "q", waitMs: 0 };
    const wakes: number[] = [];
    const listen = () =>
      h.core.engine.listen(() => {
        if (h.core.awaitWork(waits)) wakes.push(h.now);
      });
    listen();
    h.restart();
    listen();
    expect(h.core.awaitWork(waits)).toBe(false);
    const opensAt = h.now + MINUTE + 1;
    h.advance(MINUTE);
    expect(wakes).toEqual([]);
    h.alarmAt = null;
    h.now = opensAt + SECOND;
    h.core.wake(CALL);
    expect(wakes[0]).toBe(opensAt + SECOND);
    expect(h.claim()).toHaveLength(10);
  });

  test("a queue that was paused, or full, until after the window goes on at once", () => {
    const h = new Harness({ rate: TEN, concurrency: 10 });
    h.submit(h.jobs(30));
    const [first] = h.take();
    h.configure({ paused: true });
    h.extend(first?.lease ?? "", HOUR);
    h.advance(MINUTE + 1);
    h.configure({ paused: false });
    expect(h.take().length).toBeGreaterThan(0);
  });
});

describe("a clock that steps back", () => {
  test("never lets more start, and holds back no longer than a period", () => {
    const h = new Harness({ ...PULL, rate: TEN });
    h.submit(h.jobs(30));
    h.claim();
    h.now -= HOUR;
    expect(h.claim()).toEqual([]);
    h.advance(MINUTE);
    expect(h.claim()).toEqual([]);
    h.advance(1);
    expect(h.claim()).toHaveLength(10);
  });

  test("is noticed by a wake, without any claim", () => {
    const h = new Harness({ rate: TEN });
    h.submit(h.jobs(30));
    for (const { lease } of h.take()) h.succeed(lease);
    h.project();
    h.now -= HOUR;
    h.core.wake(CALL);
    h.rung();
    h.advance(MINUTE);
    expect(h.rung()).toEqual([]);
    h.advance(1);
    expect(h.rung().length).toBeGreaterThan(0);
    expect(h.take()).toHaveLength(10);
  });
});

test("holds in every window, for any history of claims, ends, waits, restarts and steps back", {
  timeout: lane.timeoutMs,
}, () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ type: fc.constant("take" as const), room: fc.integer({ min: 1, max: 9 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constantFrom("succeed" as const, "fail" as const), which: fc.nat() }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 8000 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant("back" as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const rate = { limit: 7, periodMs: 10 * SECOND };
      const h = new Harness({ rate, partitions: 2, retry: { ...new Harness().queue.retry, delayMs: 0 } });
      for (let partition = 0; partition < 2; partition++) h.submit(h.jobs(40, { partition }));
      // Real time goes on while the clock steps back.
      let steppedBack = 0;
      const starts = new Map<number, number[]>();
      let held: string[] = [];
      for (const step of steps) {
        if (step.type === "wait") h.advance(step.ms);
        else if (step.type === "restart") h.restart();
        else if (step.type === "back") {
          h.now -= step.ms;
          steppedBack += step.ms;
        } else if (step.type === "take") {
          for (const { id, lease } of h.take(step.room)) {
            const row = h.rows().find((job) => job.id === id);
            const partition = row?.partition ?? -1;
            starts.set(partition, [...(starts.get(partition) ?? []), h.now + steppedBack]);
            held.push(lease);
          }
        } else {
          const lease = held[step.which % Math.max(1, held.length)];
          if (lease === undefined) continue;
          if (step.type === "succeed") h.succeed(lease);
          else h.fail(lease);
          held = held.filter((other) => other !== lease);
        }
      }
      for (const [partition, times] of starts) {
        expect(most(times, rate.periodMs)).toBeLessThanOrEqual(partitionShare(rate.limit, 2, partition));
      }
      expect(most([...starts.values()].flat(), rate.periodMs)).toBeLessThanOrEqual(rate.limit);
      expect(h.broken()).toEqual([]);
      // Nothing leaks: a whole period later each partition starts its share again.
      h.core.wake(CALL);
      h.advance(rate.periodMs + 1);
      expect(h.take().length).toBe(rate.limit);
    }),
    { numRuns: lane.histories.short },
  );
});
