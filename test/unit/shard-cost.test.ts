import { describe, expect, test } from "vitest";
import type { SqlRow } from "../../durable-objects/sql.ts";
import { DAY, Harness, HOUR, SECOND } from "./shard-harness.ts";

/**
 * Cloudflare bills a row for each row of a table and each index entry written. SQLite here counts rows of
 * tables only, so the entries of the indexes on `jobs` are found by comparing what they hold before and after.
 */
function indexEntries(h: Harness): Map<string, Set<string>> {
  const indexes = h.sql.all<{ name: string; sql: string }>(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'jobs' AND sql IS NOT NULL",
  );
  return new Map(
    indexes.map(({ name, sql }) => {
      const [, columns = "", where = ""] = /\(([^)]*)\)\s*WHERE([\s\S]*)$/i.exec(sql) ?? [];
      const keys = columns.replaceAll(/\s+DESC/gi, "");
      const rows = h.sql.all<SqlRow>(`SELECT ${keys}, id AS primary_key FROM jobs WHERE ${where}`);
      return [name, new Set(rows.map((row) => JSON.stringify(row)))];
    }),
  );
}

/** Rows written by `step`, new index entries on `jobs` included. Those it deletes come with the row's own write. */
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
  const h = new Harness(over);
  h.accept();
  for (const { lease } of h.take()) h.succeed(lease);
  for (const { lease } of h.claim()) h.succeed(lease);
  return h;
}

const SUCCESS = { ok: true, result: "null", resultTruncated: false } as const;

describe("rows written for a hundred jobs in batches", () => {
  test("plain: 2 a job at submit, 2 at claim, 1 at report and 1 when forgotten", () => {
    const h = warm();
    h.project();
    const jobs = h.jobs(100);
    expect(rowsOf(h, () => h.submit(jobs))).toBe(200);
    let items = h.take(0);
    expect(rowsOf(h, () => (items = h.take(100)))).toBe(200);
    const reports = items.map(({ lease }) => ({ lease, outcome: SUCCESS }));
    expect(rowsOf(h, () => h.work({ reports, room: { handler: 0, http: 0 } }))).toBeLessThanOrEqual(102);
    h.project();
    h.advance(HOUR - 1);
    expect(rowsOf(h, () => h.advance(1))).toBeLessThanOrEqual(104);
    expect(h.count("jobs")).toBe(0);
  });

  test.each([
    ["with a delay", { delayMs: DAY }, 2],
    ["with an expiry", { expiresAt: 2_000_000_000_000 }, 3],
    ["each with its own ordering key", null, 3],
    ["blocked behind one key", { orderingKey: "k" }, 2],
  ] as const)("%s: at submit %s, %i a job", (_name, over, each) => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job(over ?? { orderingKey: `k${i}` }));
    const rows = rowsOf(h, () => h.submit(jobs));
    expect(rows).toBeGreaterThanOrEqual(each * 100);
    expect(rows).toBeLessThanOrEqual(each * 100 + 1);
  });

  test("with an idempotency key: 3 a job at submit, and the key's index entry", () => {
    const h = warm();
    const jobs = Array.from({ length: 100 }, (_, i) => h.job({ idempotency: { key: `i${i}`, hash: "h" } }));
    expect(rowsOf(h, () => h.submit(jobs))).toBe(300);
  });

  test("under a limit: 3 a job at claim", () => {
    const h = warm({ concurrency: 1000 });
    h.submit(h.jobs(100));
    expect(rowsOf(h, () => h.take(100))).toBe(300);
  });

  test("a thousand jobs cost one row for their sequence numbers", () => {
    const h = warm();
    const rows = rowsOf(h, () => {
      for (let i = 0; i < 10; i++) h.submit(h.jobs(100));
    });
    expect(rows).toBeGreaterThan(2000);
    expect(rows).toBeLessThanOrEqual(2002);
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
    ["a page of the finished log", (h: Harness) => h.core.finished({ v: 1, epoch: 1, after: 0, limit: 10 })],
  ])("%s", (_name, step) => {
    const h = warm();
    h.project();
    h.accept({ delayMs: DAY });
    expect(rowsOf(h, () => void step(h))).toBe(0);
  });

  test("an alarm that stays where it is: steps do not move it one by one", () => {
    const h = new Harness();
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
