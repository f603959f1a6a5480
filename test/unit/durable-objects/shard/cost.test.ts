import { describe, expect, test } from "vitest";
import type { Outcome } from "../../../../contract/rpc.ts";
import type { SqlRow } from "../../../../durable-objects/sql.ts";
import { dedup } from "../../../rigs/dedup-calls.ts";
import { BOOM, DAY, type Harness, HOUR, MINUTE, RowHarness, SECOND } from "../../../rigs/shard-harness.ts";

/**
 * Cloudflare bills a row for each row of a table and each index entry written. SQLite here counts rows of
 * tables only, so the entries of the indexes on `jobs` and `finished` are found by comparing what they hold before and after.
 */
const PRIMARY_KEYS = { jobs: "id", finished: "seq" };

function indexEntries(h: Harness): Map<string, Set<string>> {
  const indexes = h.sql.all<{ name: string; tbl_name: "jobs" | "finished"; sql: string }>(
    "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name IN ('jobs', 'finished') AND sql IS NOT NULL",
  );
  return new Map(
    indexes.map(({ name, tbl_name: table, sql }) => {
      const [, columns = "", where = "true"] = /\(([^)]*)\)(?:\s*WHERE([\s\S]*))?$/i.exec(sql) ?? [];
      const keys = columns.replaceAll(/\s+DESC/gi, "");
      const rows = h.sql.all<SqlRow>(
        `SELECT ${keys}, ${PRIMARY_KEYS[table]} AS primary_key FROM ${table} WHERE ${where}`,
      );
      return [name, new Set(rows.map((row) => JSON.stringify(row)))];
    }),
  );
}

/** Rows written by `step`, new index entries on `jobs` and `finished` included. Those it deletes come with the row's own write. */
function rowsOf(h: Harness, step: () => void): number {
  const before = indexEntries(h);
  const tables = h.sql.rowsWritten();
  step();
  const written = h.sql.rowsWritten() - tables;
  let entries = 0;
  for (const [name, after] of indexEntries(h)) {
    const earlier = before.get(name) ?? new Set();
    for (const entry of after) if (!earlier.has(entry)) entries += 1;
  }
  return written + entries;
}

/** A shard that has met its queue, so that only the jobs' own rows count. */
function warm(over: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const h = new RowHarness(over);
  h.accept();
  for (const { lease } of h.take()) h.succeed(lease);
  for (const { lease } of h.claim()) h.succeed(lease);
  return h;
}

const SUCCESS = { ok: true, result: "null", resultTruncated: false } as const;

describe("rows written for a hundred jobs in batches", () => {
  test("plain: 3 a job at submit, 2 at claim, 1 at report and 1 when forgotten", () => {
    const h = warm();
    h.project();
    const jobs = h.jobs(100);
    expect(rowsOf(h, () => h.submit(jobs))).toBe(300);
    let items = h.take(0);
    expect(rowsOf(h, () => (items = h.take(100)))).toBe(200);
    const reports = items.map(({ lease }) => ({ lease, outcome: SUCCESS }));
    expect(rowsOf(h, () => h.work({ reports, room: { handler: 0, http: 0 } }))).toBe(101);
    h.project();
    h.advance(10 * MINUTE - 1);
    // One of them for what the namespace takes.
    expect(rowsOf(h, () => h.advance(1))).toBe(105);
    expect(h.count("jobs")).toBe(0);
  });

  test.each([
    ["with a delay", { delayMs: DAY }, 3],
    ["with an expiry", { expiresAt: 2_000_000_000_000 }, 4],
    ["each with its own ordering key", null, 4],
    ["blocked behind one key", { orderingKey: "k" }, 3],
  ] as const)("%s: at submit %s, %i a job", (_name, over, each) => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job(over ?? { orderingKey: `k${i}` }));
    const rows = rowsOf(h, () => h.submit(jobs));
    expect(rows).toBeGreaterThanOrEqual(each * 100);
    expect(rows).toBeLessThanOrEqual(each * 100 + 1);
  });

  test("with an idempotency key: 4 a job at submit, and the key's index entry", () => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job({ idempotency: { key: `i${i}`, hash: "h" } }));
    expect(rowsOf(h, () => h.submit(jobs))).toBe(400);
  });

  test("with a deduplication key: 4 a job at submit and the key's index entry; 1 when it is swept", () => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job(dedup("return", { key: `k${i}`, windowMs: 2 * HOUR })));
    expect(rowsOf(h, () => h.submit(jobs))).toBe(400);
    let items = h.take(0);
    expect(rowsOf(h, () => (items = h.take(100)))).toBe(200);
    const reports = items.map(({ lease }) => ({ lease, outcome: SUCCESS }));
    expect(rowsOf(h, () => h.work({ reports, room: { handler: 0, http: 0 } }))).toBeLessThanOrEqual(102);
    h.project();
    h.advance(2 * HOUR - 1);
    expect(rowsOf(h, () => h.advance(1))).toBe(101);
    expect(h.count("dedup")).toBe(0);
  });

  test.each([
    ["return", 0],
    ["reject", 0],
    ["runAfter", 0],
    ["replace", 2],
  ] as const)("a call that is met by a job that waits, %s: %i", (onConflict, each) => {
    const h = warm();
    h.accept(dedup("return"));
    expect(rowsOf(h, () => h.submit(Array.from({ length: 10 }, () => h.job(dedup(onConflict)))))).toBe(10 * each);
  });

  test("under a limit: 3 a job at claim", () => {
    const h = warm({ concurrency: 1000 });
    h.submit(h.jobs(100));
    expect(rowsOf(h, () => h.take(100))).toBe(300);
  });

  test("under a rate: 2 a job at claim as without, and one for all that start", () => {
    const h = warm({ rate: { limit: 1000, periodMs: HOUR } });
    h.submit(h.jobs(100));
    expect(rowsOf(h, () => h.take(100))).toBe(201);
  });

  test("any number of jobs cost one row every ten seconds for their sequence numbers", () => {
    const h = warm();
    const submitAll = () => {
      for (let i = 0; i < 10; i++) h.submit(h.jobs(100));
    };
    expect(rowsOf(h, submitAll)).toBe(3000);
    h.now += 11 * SECOND;
    const rows = rowsOf(h, submitAll);
    expect(rows).toBeGreaterThan(3000);
    // And two for the bell that nobody answered meanwhile.
    expect(rows).toBeLessThanOrEqual(3003);
  });
});

describe("rows of the log of finished jobs", () => {
  const PARTITIONS = 16;
  const FAILURE = { ok: false, error: { ...BOOM, retryable: false }, retryAfterMs: null } as const;

  /**
   * What a step writes that ends `count` jobs so, each in the next of `slots`; and what one that forgets them does, which
   * notes how far the log is forgotten too, and what the namespace takes.
   */
  function costOf({ count, slots, outcome }: { count: number; slots: number; outcome: Outcome }): [number, number] {
    const h = warm({ partitions: PARTITIONS });
    h.project();
    h.advance(8 * DAY);
    h.submit(Array.from({ length: count }, (_, i) => h.job({ partition: i % slots })));
    expect(new Set(h.sql.all<{ slot: number }>("SELECT slot FROM jobs").map(({ slot }) => slot)).size).toBe(slots);
    const reports = h.take(count).map(({ lease }) => ({ lease, outcome }));
    const ended = rowsOf(h, () => h.work({ reports, room: { handler: 0, http: 0 } }));
    h.project();
    h.now += 8 * DAY;
    const forgotten = rowsOf(h, () => h.core.alarm());
    expect([h.count("jobs"), h.count("finished")]).toEqual([0, 0]);
    return [ended, forgotten];
  }

  test.each([
    ["succeeded, one", { count: 1, slots: 1, outcome: SUCCESS }, [1 + 1, 1 + 1 + 1 + 1]],
    ["succeeded, in four slots", { count: 8, slots: 4, outcome: SUCCESS }, [8 + 1, 8 + 1 + 1 + 1]],
    ["failed, one", { count: 1, slots: 1, outcome: FAILURE }, [3 + 2, 1 + 1 + 1 + 1]],
    ["failed, in four slots", { count: 8, slots: 4, outcome: FAILURE }, [3 * 8 + 2, 8 + 1 + 1 + 1]],
  ])("%s: 1 for those that go ten minutes later, 2 for others, whatever the slots", (_what, ending, expected) => {
    expect(costOf(ending)).toEqual(expected);
  });
});

describe("what costs nothing", () => {
  test.each([
    ["a claim that finds nothing", (h: Harness) => h.take()],
    ["a claim of a pull queue that finds nothing", (h: Harness) => h.claim()],
    ["a report that is refused", (h: Harness) => h.succeed("nonsense")],
    ["an alarm with nothing due", (h: Harness) => h.core.alarm()],
    ["a wake with nothing due", (h: Harness) => h.core.wake({ v: 1, epoch: 1 })],
    ["a push of settings that are known", (h: Harness) => h.core.configure({ v: 1, epoch: 1, queues: [h.queue] })],
    ["a restart", (h: Harness) => h.restart()],
    ["stats", (h: Harness) => h.stats()],
    ["a page of the finished log", (h: Harness) => h.core.finished({ v: 1, epoch: 1, after: 0, skip: 0, limit: 10 })],
  ])("%s", (_name, step) => {
    const h = warm();
    h.project();
    h.accept({ delayMs: DAY });
    expect(rowsOf(h, () => void step(h))).toBe(0);
  });

  test("an alarm that stays where it is: steps do not move it one by one", () => {
    const h = new RowHarness();
    h.accept({ delayMs: SECOND });
    let set = 0;
    let at = h.alarmAt;
    Object.defineProperty(h, "alarmAt", {
      get: () => at,
      set: (value: number | null) => {
        set += 1;
        at = value;
      },
    });
    for (let i = 0; i < 100; i++) h.accept({ delayMs: HOUR + i });
    expect(set).toBe(0);
  });
});

/** Rows of a hundred jobs through submit, claim, report and the end of their time in the shard. */
function rowsOfLife(h: Harness, jobs: ReturnType<Harness["jobs"]>): number[] {
  const rows = [rowsOf(h, () => h.submit(jobs))];
  const leases: string[] = [];
  rows.push(
    rowsOf(h, () => {
      for (let items = h.take(100); items.length > 0; items = h.take(100))
        leases.push(...items.map(({ lease }) => lease));
    }),
  );
  const reports = leases.map((lease) => ({ lease, outcome: SUCCESS }));
  rows.push(rowsOf(h, () => h.work({ reports, room: { handler: 0, http: 0 } })));
  h.project();
  rows.push(rowsOf(h, () => h.advance(2 * HOUR)));
  return rows;
}

/** What the index of the gates' times costs is not counted here: one more where a row of a gate is. */
describe("rows a job at submit, claim, report and when it is forgotten", () => {
  const PER_KEY = { limit: 1, periodMs: HOUR };
  test.each([
    ["plain", {}, {}, [3, 2, 1, 1]],
    ["with an ordering key", {}, { orderingKey: "o" }, [4, 2, 1, 1]],
    ["with a concurrency key, where the queue limits none", {}, { concurrencyKey: "c" }, [4, 3, 1, 1]],
    ["with a concurrency key that has room", { perKeyConcurrency: 1 }, { concurrencyKey: "c" }, [4, 3, 1, 1]],
    ["with a concurrency key under a rate", { perKeyRate: PER_KEY }, { concurrencyKey: "c" }, [4, 4, 1, 2]],
    ["under a rate of the queue", { rate: { limit: 1000, periodMs: HOUR } }, {}, [3, 2, 1, 1]],
  ] as const)("%s", (_name, settings, keys, expected) => {
    const h = warm(settings);
    h.project();
    h.advance(2 * HOUR);
    h.submit([]);
    const jobs = Array.from({ length: 100 }, (_, i) =>
      h.job(Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, `${key}${i}`]))),
    );
    expect(rowsOfLife(h, jobs).map((rows) => Math.floor(rows / jobs.length))).toEqual(expected);
  });
});
