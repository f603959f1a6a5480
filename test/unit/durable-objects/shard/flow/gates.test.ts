import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { lane } from "../../../../lane.ts";
import { at, CALL, Harness, HOUR, idsOf, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const ONE = { perKeyConcurrency: 1 };
const key = (concurrencyKey: string) => ({ concurrencyKey });

/** How many jobs of each key run. */
function running(h: Harness): Map<string, number> {
  const rows = h.sql.all<{ key: string; n: number }>(
    "SELECT concurrency_key AS key, count(*) AS n FROM jobs WHERE state = 'running' AND concurrency_key IS NOT NULL GROUP BY 1",
  );
  return new Map(rows.map(({ key, n }) => [key, n]));
}

/** Jobs at a gate that nothing would let through: no job of their key runs or stands open, and no time is written down. */
function stuck(h: Harness): string[] {
  type Row = { id: string; queue: number; key: string | null; state: string; blocked: number };
  const rows = h.sql.all<Row>(
    "SELECT id, queue, concurrency_key AS key, state, blocked FROM jobs WHERE state IN ('queued', 'running')",
  );
  const gates = h.sql.all<{ queue: number; key: string }>("SELECT queue, key FROM gates WHERE look_at IS NOT NULL");
  return rows
    .filter(({ blocked }) => blocked === 2)
    .filter(
      (job) =>
        !rows.some((o) => o.key === job.key && (o.state === "running" || o.blocked === 0)) &&
        !gates.some((gate) => gate.queue === job.queue && gate.key === job.key),
    )
    .map(({ id }) => id);
}

describe("a limit of each concurrency key", () => {
  test("lets as many of a key run at once, and other keys go on", () => {
    const h = new Harness({ perKeyConcurrency: 2 });
    h.submit([...h.jobs(5, key("a")), ...h.jobs(5, key("b")), ...h.jobs(3)]);
    expect(h.take()).toHaveLength(2 + 2 + 3);
    expect(running(h)).toEqual(
      new Map([
        ["a", 2],
        ["b", 2],
      ]),
    );
    expect(h.take()).toEqual([]);
  });

  test.each([
    ["succeeded", (h: Harness, { lease }: { id: string; lease: string }) => h.succeed(lease)],
    ["failed for good", (h: Harness, { lease }: { lease: string }) => h.fail(lease, { retryable: false })],
    ["waits for its retry", (h: Harness, { lease }: { lease: string }) => h.fail(lease)],
    ["was cancelled", (h: Harness, { id }: { id: string }) => h.cancel(id)],
    ["lost its worker", (h: Harness) => h.advance(15 * SECOND)],
    [
      "lost its worker, and the alarm too",
      (h: Harness) => {
        h.advance(14 * SECOND);
        h.alarmAt = null;
        h.now += HOUR;
        h.core.wake(CALL);
      },
    ],
  ])("opens when one %s", (_name, end) => {
    const h = new Harness(ONE);
    const [first, second] = [h.accept(key("k")), h.accept(key("k"))];
    const item = only(h.take());
    expect(item.id).toBe(first);
    end(h, item);
    expect(only(h.take()).id).not.toBe("");
    expect([first, second]).toContain(h.sql.all<{ id: string }>("SELECT id FROM jobs WHERE state = 'running'")[0]?.id);
    expect(stuck(h)).toEqual([]);
  });

  test("a report and the claim in the same call give the next of the key", () => {
    const h = new Harness(ONE);
    h.submit(h.jobs(3, key("k")));
    const { lease } = h.takeOne();
    const report = { lease, outcome: { ok: true, result: "null", resultTruncated: false } } as const;
    expect(h.work({ reports: [report] }).items).toHaveLength(1);
  });

  test("the best of a key goes first, also one that comes later", () => {
    const h = new Harness(ONE);
    const low = h.accept({ ...key("k"), priority: 1 });
    const middle = h.accept({ ...key("k"), priority: 5 });
    const high = h.accept({ ...key("k"), priority: 9 });
    const order = [high, middle, low].map((id) => {
      const item = h.takeOne();
      expect(item.id).toBe(id);
      return h.succeed(item.lease);
    });
    expect(order).toEqual(["recorded", "recorded", "recorded"]);
  });

  test("one that stands open and goes gives its place away: cancelled, expired, purged, behind its ordering key", () => {
    const h = new Harness(ONE);
    const open = h.accept(key("k"));
    const expiring = h.accept({ ...key("k"), expiresAt: h.now + MINUTE });
    const third = h.accept(key("k"));
    const fourth = h.accept({ ...key("k"), priority: 0 });
    h.cancel(open);
    expect(h.explain(expiring).reason).toBe("ready");
    h.advance(MINUTE);
    // Ready, but that nobody has come for a minute.
    expect([h.state(expiring), h.explain(third).reason]).toEqual(["failed", "no-executor"]);
    h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 1 });
    h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 1 });
    expect([third, fourth].map((id) => h.state(id))).toEqual(["cancelled", "cancelled"]);
    expect(h.broken()).toEqual([]);
  });

  test("is not a limit for jobs without a key", () => {
    const h = new Harness(ONE);
    h.submit(h.jobs(9));
    expect(h.take()).toHaveLength(9);
  });

  test("a scheduled job stands at no gate, and comes to it when it is due", () => {
    const h = new Harness(ONE);
    h.accept({ ...key("k"), delayMs: MINUTE });
    const now = h.accept(key("k"));
    expect(h.takeOne().id).toBe(now);
    h.extend(h.sql.all<{ lease: string }>("SELECT lease FROM jobs")[0]?.lease ?? "", HOUR);
    h.advance(MINUTE);
    expect(h.take().length).toBeLessThanOrEqual(1);
    expect(running(h).get("k")).toBe(1);
  });

  test("a redriven job stands at the gate like any other, before those that came after it", () => {
    const h = new Harness(ONE);
    const dead = h.accept(key("k"));
    h.failOne();
    const [next] = [h.accept(key("k")), h.accept(key("k"))];
    h.retry(dead);
    const item = h.takeOne();
    expect(item.id).toBe(dead);
    h.succeed(item.lease);
    expect(h.takeOne().id).toBe(next);
  });

  test("holds over a restart", () => {
    const h = new Harness(ONE);
    h.submit(h.jobs(3, key("k")));
    h.take();
    h.restart();
    expect(h.take()).toEqual([]);
  });
});

describe("a rate of each concurrency key", () => {
  const RATE = { limit: 2, periodMs: MINUTE };

  test("lets as many of a key start in any window, and wakes when it opens", () => {
    const h = new Harness({ perKeyRate: RATE });
    h.submit([...h.jobs(5, key("a")), ...h.jobs(1, key("b"))]);
    for (const { lease } of h.take()) h.succeed(lease);
    h.project();
    h.work({ room: { handler: 0, http: 0 } });
    h.rung();
    h.advance(MINUTE);
    expect([h.rung(), h.take()]).toEqual([[], []]);
    h.advance(1);
    expect(h.rung()).toHaveLength(1);
    expect(h.take()).toHaveLength(2);
  });

  test("holds over a restart and a clock that steps back, and opens a period later", () => {
    const h = new Harness({ perKeyRate: RATE });
    h.submit(h.jobs(9, key("k")));
    expect(h.take()).toHaveLength(2);
    h.restart();
    h.now -= HOUR;
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.take()).toEqual([]);
    h.advance(1);
    expect(h.take()).toHaveLength(2);
  });

  test("counts the starts of retries", () => {
    const h = new Harness({ perKeyRate: RATE });
    h.accept({ ...key("k"), retry: { maxAttempts: 9, delayMs: 0 } });
    for (let i = 0; i < 2; i++) h.fail(h.takeOne().lease);
    expect(h.take()).toEqual([]);
  });

  test("is not exceeded by a claim that comes in the step in which it was lowered", () => {
    const h = new Harness({ perKeyRate: { limit: 50, periodMs: MINUTE } });
    h.submit([...h.jobs(60, key("k")), ...h.jobs(30)]);
    h.configure({ perKeyRate: { limit: 2, periodMs: MINUTE } });
    expect(h.take().filter(({ payload }) => payload !== "").length).toBe(2 + 30);
    expect(running(h).get("k")).toBe(2);
  });

  test("is forgotten when the last start is over: a key leaves no row behind", () => {
    const h = new Harness({ perKeyRate: RATE });
    h.accept(key("k"));
    h.succeed(h.takeOne().lease);
    expect(h.count("gates")).toBe(1);
    h.advance(MINUTE + 1);
    expect(h.count("gates")).toBe(0);
  });
});

describe("limits of keys that change", () => {
  test("a lower one counts those that run, and shuts the gate again for those that stood open", () => {
    const h = new Harness({ perKeyConcurrency: 5 });
    h.submit(h.jobs(20, key("k")));
    const held = h.take(3);
    h.configure({ perKeyConcurrency: 2 });
    expect(h.take()).toEqual([]);
    const starts = held.map(({ lease }) => {
      h.succeed(lease);
      return h.take().length;
    });
    expect(starts).toEqual([0, 1, 1]);
  });

  test("a higher one acts at once, and rings", () => {
    const h = new Harness(ONE);
    h.submit(h.jobs(20, key("k")));
    h.take();
    h.rung();
    h.configure({ perKeyConcurrency: 4 });
    h.advance(SECOND);
    expect(h.rung().length).toBeGreaterThan(0);
    expect(h.take()).toHaveLength(3);
  });

  test("none lets a backlog go, as many a step as it can, and does not wake itself in vain", () => {
    const h = new Harness({ ...ONE, target: { type: "pull" } });
    h.submit(h.jobs(1000, key("k")));
    h.submit(h.jobs(1000, key("k")));
    h.configure({ perKeyConcurrency: null });
    h.advance(SECOND);
    expect(h.sql.all("SELECT count(*) AS n FROM jobs WHERE blocked = 0")).toEqual([{ n: 2000 }]);
    expect(h.count("gates")).toBe(0);
    expect(h.claim({ max: 100 })).toHaveLength(100);
    expect(h.broken()).toEqual([]);
  });

  test("a new one over a long backlog leaves other keys their turn within a moment", () => {
    const h = new Harness();
    h.submit(h.jobs(1000, key("a")));
    h.submit(h.jobs(1000, key("a")));
    const other = h.accept(key("b"));
    h.configure({ perKeyConcurrency: 3 });
    h.advance(SECOND);
    const items = h.take(10);
    expect(items).toHaveLength(4);
    expect(idsOf(items)).toContain(other);
    expect(h.sql.all("SELECT count(*) AS n FROM jobs WHERE state = 'queued' AND blocked = 0")).toEqual([{ n: 0 }]);
  });

  test("a new one holds at once, before the gates of a long backlog, or of many keys, have been settled", () => {
    const long = new Harness();
    for (let i = 0; i < 3; i++) long.submit(long.jobs(1000, key("a")));
    long.configure({ perKeyConcurrency: 3 });
    long.take();
    expect(running(long)).toEqual(new Map([["a", 3]]));
    const many = new Harness();
    for (let i = 0; i < 300; i++) many.submit(many.jobs(3, key(`k${i}`)));
    many.configure({ perKeyConcurrency: 1 });
    for (let i = 0; i < 20; i++) many.take();
    expect(Math.max(...running(many).values())).toBe(1);
    expect(running(many).size).toBe(300);
  });

  test("and back again: what stood at the gate stands there no longer, over a restart and a lost alarm", () => {
    const h = new Harness(ONE);
    h.submit(h.jobs(300, key("k")));
    h.configure({ perKeyConcurrency: null });
    h.alarmAt = null;
    h.restart();
    h.core.wake(CALL);
    h.advance(SECOND);
    h.configure({ perKeyConcurrency: 2 });
    h.advance(SECOND);
    expect(h.take()).toHaveLength(2);
    expect(h.broken()).toEqual([]);
  });
});

describe("a job with an ordering key and a concurrency key", () => {
  test("waits for both", () => {
    const h = new Harness(ONE);
    const a1 = h.accept({ ...key("k"), orderingKey: "a" });
    const a2 = h.accept({ ...key("k"), orderingKey: "a", priority: 9 });
    const b1 = h.accept({ ...key("k"), orderingKey: "b" });
    const c1 = h.accept({ ...key("l"), orderingKey: "c" });
    const items = h.take();
    expect(idsOf(items)).toEqual([a1, c1]);
    expect([h.explain(a2).reason, h.explain(b1).reason]).toEqual(["ordering", "concurrency"]);
    h.succeed(at(items, 0).lease);
    expect(h.takeOne().id).toBe(a2);
  });

  test("whose gate was there when its limit went does not stay behind it", () => {
    const h = new Harness(ONE);
    const [head, second] = [h.accept({ ...key("k"), orderingKey: "a" }), h.accept({ ...key("k"), orderingKey: "a" })];
    h.configure({ perKeyConcurrency: null });
    h.advance(1);
    const item = h.takeOne();
    expect(item.id).toBe(head);
    h.succeed(item.lease);
    expect(h.takeOne().id).toBe(second);
  });
});

test("a full key costs a claim nothing, however many of its jobs wait", () => {
  /** The least milliseconds of a few claims: one of them has the processor to itself. */
  const leastMs = (waiting: number) => {
    const h = new Harness(ONE);
    for (let i = 0; i < waiting; i += 1000) h.submit(h.jobs(1000, key("full")));
    h.take();
    const times = Array.from({ length: 10 }, (_, i) => {
      const last = h.accept(key(`other ${i}`));
      const started = performance.now();
      expect(h.takeOne().id).toBe(last);
      return performance.now() - started;
    });
    return Math.min(...times);
  };
  leastMs(1000);
  // A claim that read its way past them would take a hundred times as long.
  expect(leastMs(20_000)).toBeLessThan(10 * leastMs(1000) + 5);
});

test("nothing is exceeded and nobody is stuck, for any history", { timeout: lane.timeoutMs }, () => {
  const rate = fc.option(fc.record({ limit: fc.integer({ min: 1, max: 4 }), periodMs: fc.constantFrom(1000, 8000) }));
  const limits = fc.record({
    perKeyConcurrency: fc.option(fc.integer({ min: 1, max: 3 })),
    perKeyRate: rate,
    rate,
    concurrency: fc.option(fc.integer({ min: 1, max: 6 })),
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("submit" as const),
        key: fc.constantFrom("a", "b", null),
        line: fc.constantFrom("x", "y", null, null, null),
        priority: fc.integer({ min: 0, max: 9 }),
        delayMs: fc.constantFrom(null, null, 2000),
        expiresMs: fc.constantFrom(null, null, null, 3000),
      }),
    },
    { weight: 6, arbitrary: fc.record({ type: fc.constant("take" as const), room: fc.integer({ min: 1, max: 9 }) }) },
    {
      weight: 5,
      arbitrary: fc.record({ type: fc.constantFrom("succeed", "fail", "dead", "cancel", "retry"), which: fc.nat() }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 9000 }) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("limits" as const), limits }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("restart", "lost", "pause", "purge", "back") }) },
  );
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 80, size: "max" }), (first, steps) => {
      const h = new Harness({ ...first, retry: { ...new Harness().queue.retry, delayMs: 0, maxAttempts: 4 } });
      const all: string[] = [];
      let held: { id: string; lease: string }[] = [];
      for (const step of steps) {
        const before = running(h);
        const lowered = step.type === "limits";
        if (step.type === "submit" && "priority" in step) {
          const { key, line, priority, delayMs, expiresMs } = step;
          const expiresAt = expiresMs === null ? null : h.now + (delayMs ?? 0) + expiresMs;
          all.push(h.accept({ concurrencyKey: key, orderingKey: line, priority, delayMs, expiresAt }));
        } else if (step.type === "take" && "room" in step) held.push(...h.take(step.room));
        else if (step.type === "wait" && "ms" in step) h.advance(step.ms);
        else if (step.type === "limits" && "limits" in step) h.configure(step.limits as Partial<QueueSettings>);
        else if ("which" in step) {
          const item = held[step.which % Math.max(1, held.length)];
          const dead = all[step.which % Math.max(1, all.length)];
          if (step.type === "retry" && dead !== undefined) h.retry(dead);
          else if (item !== undefined && step.type === "succeed") h.succeed(item.lease);
          else if (item !== undefined && step.type === "fail") h.fail(item.lease);
          else if (item !== undefined && step.type === "dead") h.fail(item.lease, { retryable: false });
          else if (dead !== undefined) h.cancel(dead);
          held = held.filter((other) => other !== item || step.type === "retry");
        } else if (step.type === "restart") h.restart();
        else if (step.type === "pause") h.configure({ paused: !h.queue.paused });
        else if (step.type === "back") h.now -= 3000;
        else if (step.type === "purge") h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 3 });
        else {
          h.alarmAt = null;
          h.now += 1000;
          h.core.wake(CALL);
        }
        const { perKeyConcurrency } = h.queue;
        for (const [key, n] of running(h)) {
          const most = perKeyConcurrency ?? Number.POSITIVE_INFINITY;
          expect(n).toBeLessThanOrEqual(lowered ? Number.POSITIVE_INFINITY : Math.max(most, before.get(key) ?? 0));
        }
        h.advance(1);
        expect(stuck(h)).toEqual([]);
        expect(h.broken()).toEqual([]);
      }
      // In the end everything runs.
      h.configure({ paused: false });
      for (
        let i = 0;
        i < 1000 && h.sql.all("SELECT 1 FROM jobs WHERE due_at IS NOT NULL OR state = 'queued'").length > 0;
        i++
      ) {
        const items = h.take();
        for (const { lease } of items) h.succeed(lease);
        if (items.length === 0) h.advance(SECOND);
      }
      expect(
        h.sql.all("SELECT id, state, blocked FROM jobs WHERE state IN ('scheduled', 'queued', 'running')"),
      ).toEqual([]);
    }),
    { numRuns: lane.histories.short },
  );
});
