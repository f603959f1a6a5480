import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { WorkItem } from "../../../../../contract/rpc.ts";
import { partitionShare } from "../../../../../domain/queue.ts";
import { lane } from "../../../../lane.ts";
import { CALL, Harness, HOUR, idsOf, only, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

/** How many jobs of each partition run. */
function running(h: Harness): Map<number, number> {
  const partitions = Map.groupBy(
    h.rows().filter(({ state }) => state === "running"),
    ({ partition }) => partition,
  );
  return new Map([...partitions].map(([partition, rows]) => [partition, rows.length]));
}

const runningAll = (h: Harness) => [...running(h).values()].reduce((a, b) => a + b, 0);

describe("concurrency", () => {
  test("is never exceeded, and every end of an attempt gives its place back", () => {
    const h = new Harness({ concurrency: 2 });
    h.submit(h.jobs(9));
    const ends: ((item: WorkItem) => void)[] = [
      ({ lease }) => h.succeed(lease),
      ({ lease }) => h.fail(lease),
      ({ lease }) => h.fail(lease, { retryable: false }),
      ({ id }) => h.cancel(id),
    ];
    const held = h.take();
    expect(held).toHaveLength(2);
    for (const end of ends) {
      expect(h.take()).toEqual([]);
      const item = held.shift();
      if (item !== undefined) end(item);
      held.push(only(h.take()));
    }
    h.advance(15 * SECOND);
    expect(h.take()).toHaveLength(2);
  });

  test("over partitions: the shares add up, each partition keeps to its own", () => {
    const h = new Harness({ concurrency: 5, partitions: 3 });
    for (let partition = 0; partition < 3; partition++) h.submit(h.jobs(9, { partition }));
    expect(h.take()).toHaveLength(5);
    expect(running(h)).toEqual(
      new Map([
        [0, 2],
        [1, 2],
        [2, 1],
      ]),
    );
    expect(h.take()).toEqual([]);
  });

  test("one busy partition cannot use another's share", () => {
    const h = new Harness({ concurrency: 4, partitions: 4 });
    h.submit(h.jobs(9, { partition: 2 }));
    expect(h.take()).toHaveLength(1);
  });

  test("that is lowered while jobs run lets nobody start until enough have ended", () => {
    const h = new Harness({ concurrency: 5 });
    h.submit(h.jobs(9));
    const held = h.take();
    h.configure({ concurrency: 3 });
    const starts = held.map(({ lease }) => {
      h.succeed(lease);
      return h.take().length;
    });
    expect(starts).toEqual([0, 0, 1, 1, 1]);
  });

  test("set while jobs run counts them", () => {
    const h = new Harness();
    h.submit(h.jobs(9));
    const held = h.take(5);
    h.configure({ concurrency: 3 });
    expect(h.take()).toEqual([]);
    h.restart();
    const starts = held.map(({ lease }) => {
      h.succeed(lease);
      return h.take().length;
    });
    expect(starts).toEqual([0, 0, 1, 1, 1]);
  });

  test("set while jobs run counts them also when a submission brings it first and the push comes after", () => {
    const h = new Harness();
    h.submit(h.jobs(9));
    h.take(5);
    h.queue = { ...h.queue, version: 2, concurrency: 3 };
    h.accept();
    expect(h.take()).toEqual([]);
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.take()).toEqual([]);
    expect(runningAll(h)).toBe(5);
  });

  test("lifted and set again counts those that started in between", () => {
    const h = new Harness({ concurrency: 1 });
    h.submit(h.jobs(9));
    h.take();
    h.configure({ concurrency: null });
    expect(h.take(3)).toHaveLength(3);
    h.configure({ concurrency: 5 });
    expect(h.take()).toHaveLength(1);
  });

  test("counts over a restart", () => {
    const h = new Harness({ concurrency: 2 });
    h.submit(h.jobs(5));
    h.take();
    h.restart();
    expect(h.take()).toEqual([]);
  });

  test("of a pull queue bounds its claims too", () => {
    const h = new Harness({ concurrency: 2, target: { type: "pull" } });
    h.submit(h.jobs(5));
    expect([h.claim().length, h.claim().length]).toEqual([2, 0]);
  });

  test("holds for any history of claims, ends, changes of the limit and restarts", { timeout: lane.timeoutMs }, () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant("take" as const), room: fc.integer({ min: 1, max: 20 }) }),
      fc.record({
        type: fc.constantFrom("succeed" as const, "fail" as const, "cancel" as const),
        which: fc.nat(),
      }),
      fc.record({ type: fc.constant("limit" as const), limit: fc.option(fc.integer({ min: 3, max: 12 })) }),
      fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
      fc.record({ type: fc.constant("restart" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const h = new Harness({ concurrency: 6, partitions: 3 });
        for (let partition = 0; partition < 3; partition++) h.submit(h.jobs(30, { partition }));
        let held: WorkItem[] = [];
        for (const step of steps) {
          const before = running(h);
          if (step.type === "take") held.push(...h.take(step.room));
          else if (step.type === "limit") h.configure({ concurrency: step.limit });
          else if (step.type === "wait") h.advance(step.ms);
          else if (step.type === "restart") h.restart();
          else {
            const item = held[step.which % Math.max(1, held.length)];
            if (item === undefined) continue;
            if (step.type === "succeed") h.succeed(item.lease);
            else if (step.type === "fail") h.fail(item.lease);
            else h.cancel(item.id);
            held = held.filter((other) => other !== item);
          }
          for (const [partition, n] of running(h)) {
            const share = partitionShare(h.queue.concurrency ?? 1e9, 3, partition);
            // A lowered limit stops no one, but lets no one start either.
            expect(n).toBeLessThanOrEqual(Math.max(share, before.get(partition) ?? 0));
          }
        }
        expect(h.broken()).toEqual([]);
      }),
      { numRuns: lane.histories.short },
    );
  });
});

describe("priority", () => {
  test("is strict inside a queue, over its partitions; acceptance decides among equals", () => {
    const h = new Harness({ partitions: 4 });
    const accepted = [3, 9, 0, 9, 5, 3].map((priority, i) => h.accept({ priority, partition: i % 4 }));
    const order = [1, 3, 4, 0, 5, 2].map((i) => accepted[i]);
    expect(idsOf(h.take())).toEqual(order);
  });

  test("of one claim at a time gives the same order", () => {
    const h = new Harness({ partitions: 4 });
    const accepted = [3, 9, 0, 9, 5, 3].map((priority, i) => h.accept({ priority, partition: i % 4 }));
    const taken = accepted.map(() => only(h.take(1)).id);
    expect(taken).toEqual([1, 3, 4, 0, 5, 2].map((i) => accepted[i]));
  });
});

describe("fairness between queues of a lane", () => {
  test("a queue with one job gets its turn beside one with a thousand", () => {
    const h = new Harness();
    const small = settingsOf({ name: "small" });
    h.submit(h.jobs(1000));
    const job = h.job({}, small);
    h.submit([job], { queues: [small] });
    expect(idsOf(h.take(10))).toContain(job.id);
  });

  test("with room for one only, the turn goes round", () => {
    const h = new Harness();
    const other = settingsOf({ name: "other" });
    h.submit(h.jobs(10));
    h.submit(
      Array.from({ length: 10 }, () => h.job({}, other)),
      { queues: [other] },
    );
    const queues = Array.from({ length: 6 }, () => only(h.take(1)).queue);
    expect(queues.filter((name) => name === "other")).toHaveLength(3);
  });

  test("a paused or used-up queue takes nothing from the others", () => {
    const h = new Harness({ concurrency: 1 });
    h.submit(h.jobs(50));
    const other = settingsOf({ name: "other" });
    h.submit(
      Array.from({ length: 50 }, () => h.job({}, other)),
      { queues: [other] },
    );
    const items = h.take(20);
    expect(items.filter(({ queue }) => queue === "other")).toHaveLength(19);
  });
});

describe("a paused queue", () => {
  test("gives nothing through either door, keeps accepting, and lets what runs end", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.configure({ paused: true });
    const id = h.accept();
    expect(h.take()).toEqual([]);
    expect(h.explain(id).reason).toBe("paused");
    expect(h.extend(lease, HOUR).status).toBe("extended");
    expect(h.succeed(lease)).toBe("recorded");
    const pull = new Harness({ target: { type: "pull" }, paused: true });
    pull.accept();
    expect(pull.claim()).toEqual([]);
  });

  test("stays paused over a restart, and gives again when it is resumed", () => {
    const h = new Harness({ paused: true });
    const id = h.accept();
    h.restart();
    expect(h.take()).toEqual([]);
    h.configure({ paused: false });
    expect(h.takeOne().id).toBe(id);
  });

  test("rings no bell; the resume rings", () => {
    const h = new Harness({ paused: true });
    h.submit(h.jobs(5));
    h.advance(HOUR);
    expect(h.rung()).toEqual([]);
    h.configure({ paused: false });
    expect(only(h.rung())).toMatchObject({ at: h.now, bell: { kind: "work", lane: "default" } });
  });

  test("still lets jobs become due, expire and be cancelled", () => {
    const h = new Harness({ paused: true });
    const due = h.accept({ delayMs: SECOND });
    const expiring = h.accept({ expiresAt: h.now + SECOND });
    h.advance(SECOND);
    expect([h.state(due), h.state(expiring), h.cancel(due)]).toEqual(["queued", "failed", "job"]);
  });
});
