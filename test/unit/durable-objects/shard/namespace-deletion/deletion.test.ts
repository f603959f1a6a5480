import { describe, expect, test } from "vitest";
import { dedup } from "../../../../rigs/dedup-calls.ts";
import { push, scheduleOf } from "../../../../rigs/schedule-harness.ts";
import { CALL, DAY, Harness, MINUTE, SECOND } from "../../../../rigs/shard-harness.ts";

/** Tables with rows of namespaces; what is the shard's own, or forgotten by time, is left out. */
const TABLES = [
  "jobs",
  "queues",
  "schedules",
  "schedule_settings",
  "fires",
  "idempotency",
  "dedup",
  "gates",
  "rates",
  "parked",
  "progress",
  "batches",
  "undecided",
  "subscriptions",
  "events",
] as const;

function rows(h: Harness): Record<string, number> {
  return Object.fromEntries(TABLES.map((table) => [table, h.count(table)]));
}

/** A namespace with something of everything, on one shard. */
function furnish(h: Harness): void {
  h.configure({ perKeyConcurrency: 1, rate: { limit: 1000, periodMs: 1000 } });
  const subscription = {
    namespace: h.queue.namespace,
    name: "sub",
    version: 1,
    deleted: false,
    paused: true,
    events: ["job.accepted" as const],
    filter: { queue: null, tag: null },
    target: { type: "queue" as const, binding: "OUT" },
    createdAt: h.now,
    updatedAt: h.now,
  };
  h.core.configureSubscriptions({ ...CALL, subscriptions: [subscription] });
  push(h, scheduleOf({ namespace: h.queue.namespace }));
  h.submit(h.jobs(250));
  h.submit([
    h.job({ orderingKey: "o" }),
    h.job({ orderingKey: "o" }),
    h.job({ concurrencyKey: "c" }),
    h.job({ concurrencyKey: "c" }),
    h.job({ delayMs: DAY }),
    h.job({ idempotency: { key: "i", hash: "h" } }),
    h.job(dedup("return")),
  ]);
  h.core.openBatch({ ...CALL, slot: 7, namespace: h.queue.namespace, key: "b", hash: "h", seed: "s" });
  const [one, two, three] = h.take(20);
  h.succeed(one?.lease ?? "");
  h.fail(two?.lease ?? "", { retryable: false });
  h.extend(three?.lease ?? "", MINUTE);
  h.advance(2 * MINUTE);
}

function progress(h: Harness, name = "default") {
  return h.core.namespaceDeletion({ ...CALL, name });
}

describe("a namespace that is deleted", () => {
  test("leaves no row here, and its neighbour is not touched", () => {
    const h = new Harness({ namespace: "other" });
    furnish(h);
    const neighbour = rows(h);
    const kept = h.rows();
    h.queue = { ...h.queue, namespace: "doomed", version: 1 };
    furnish(h);
    expect(h.count("jobs")).toBeGreaterThan(2 * 250);
    const [other] = h.sql.all<{ ref: number }>("SELECT ref FROM queues WHERE namespace = 'other'");
    const others = h.rows().filter(({ queue }) => queue === other?.ref);
    h.namespace({}, { deletingAt: h.now });
    h.advance(SECOND);
    const { jobs, done } = progress(h, "doomed");
    expect(done).toBe(true);
    expect(jobs).toBeGreaterThan(250);
    expect(h.count("jobs")).toBe(others.length);
    expect(rows(h)).toMatchObject({ queues: 1, schedules: 1, subscriptions: 1, batches: neighbour.batches });
    expect(h.sql.all("SELECT name FROM namespace_bytes WHERE name = 'doomed'")).toEqual([]);
    expect(kept.length).toBeLessThanOrEqual(h.count("jobs"));
    expect(h.broken()).toEqual([]);
    h.restart();
    expect(h.broken()).toEqual([]);
    expect(progress(h, "doomed")).toMatchObject({ done: true, jobs });
  });

  test("goes on after a crash at any step, and no step is long", () => {
    const h = new Harness();
    furnish(h);
    h.namespace({}, { deletingAt: h.now });
    for (let guard = 0; !progress(h).done; guard++) {
      expect(guard).toBeLessThan(200);
      const before = h.count("jobs");
      h.restart();
      h.core.alarm();
      expect(before - h.count("jobs")).toBeLessThanOrEqual(100);
      expect(h.broken()).toEqual([]);
    }
    expect(rows(h)).toEqual(Object.fromEntries(TABLES.map((table) => [table, 0])));
  });

  test("takes nothing in and starts nothing from the moment it is told", () => {
    const h = new Harness();
    push(h, scheduleOf());
    h.submit(h.jobs(3));
    const [running] = h.take(1);
    h.alarmAt = null;
    h.namespace({}, { deletingAt: h.now });
    expect(h.take()).toEqual([]);
    expect(h.send([h.job()])).toMatchObject({ type: "settings", settings: { deleted: true } });
    expect(h.submit([h.job()], { deferred: true })).toEqual([{ type: "refused" }]);
    expect(h.core.configure({ ...CALL, queues: [{ ...h.queue, name: "new" }] })).toBeNull();
    expect(push(h, scheduleOf({ name: "new" })).type).toBe("stopped");
    h.now += MINUTE;
    h.core.alarm();
    h.advance(MINUTE);
    expect(h.succeed(running?.lease ?? "")).toBe("unknown");
    expect(rows(h)).toEqual(Object.fromEntries(TABLES.map((table) => [table, 0])));
  });

  test("is looked at once more with every version, and forgotten after thirty days", () => {
    const h = new Harness();
    h.submit([h.job()]);
    h.namespace({}, { deletingAt: h.now });
    h.advance(0);
    expect(progress(h)).toEqual({ jobs: 1, done: true });
    h.namespace({}, { deletingAt: h.now });
    expect(progress(h).done).toBe(false);
    h.advance(0);
    expect(progress(h)).toEqual({ jobs: 1, done: true });
    h.now += 31 * DAY;
    h.core.alarm();
    expect([h.count("namespaces"), h.count("namespace_deletions")]).toEqual([0, 0]);
  });

  test("and made again begins empty and goes on as any other", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    h.namespace({}, { deletingAt: h.now });
    h.advance(5 * MINUTE);
    h.namespace({}, { createdAt: h.now, version: 1 });
    h.queue = { ...h.queue, createdAt: h.now, version: 1 };
    h.submit([h.job()]);
    expect(h.count("jobs")).toBe(1);
    h.advance(SECOND);
    expect(h.take()).toHaveLength(1);
    expect(h.count("namespace_deletions")).toBe(0);
    expect(h.broken()).toEqual([]);
  });
});
