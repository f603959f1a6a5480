import { describe, expect, test, vi } from "vitest";
import type { AuditReply, WorkItem } from "../../../../../../contract/rpc.ts";
import { Packs } from "../../../../../../durable-objects/shard/jobs/packs/packs.ts";
import type { Sql, SqlRow, SqlValue } from "../../../../../../durable-objects/sql.ts";
import { MAX_VALUE_BYTES } from "../../../../../../durable-objects/sql-limits.ts";
import { CALL, type Harness, PackHarness, SECOND } from "../../../../../rigs/shard-harness.ts";

const TEXT = JSON.stringify("x".repeat(500));
const NO_ROOM = { handler: 0, http: 0 };

function succeedWith(h: Harness, items: readonly WorkItem[], result: string) {
  const outcome = { ok: true, result, resultTruncated: false } as const;
  return h.work({ reports: items.map(({ lease }) => ({ lease, outcome })), room: NO_ROOM }).reports;
}

/** Packs of a hundred jobs that are all done. */
function donePacks(packs: number): PackHarness {
  const h = new PackHarness();
  for (let n = 0; n < packs; n++) {
    h.submit(h.jobs(100));
    succeedWith(h, h.take(100), TEXT);
  }
  return h;
}

/** The same rows, which count how many characters are read of them. */
class Counting implements Sql {
  characters = 0;
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  all<Row extends SqlRow>(query: string, ...params: SqlValue[]): Row[] {
    const rows = this.#sql.all<Row>(query, ...params);
    for (const row of rows) for (const value of Object.values(row)) this.characters += String(value).length;
    return rows;
  }

  run(query: string, ...params: SqlValue[]): void {
    this.#sql.run(query, ...params);
  }

  transaction<T>(step: () => T): T {
    return this.#sql.transaction(step);
  }

  rowsWritten(): number {
    return this.#sql.rowsWritten();
  }

  bytes(): number {
    return this.#sql.bytes();
  }
}

describe("results of one call, each small enough for a slice", () => {
  /** The most characters that a slice takes of one result: here three bytes each, and then such as JSON writes as two. */
  const HANGUL = JSON.stringify("가".repeat(8190));
  const QUOTES = JSON.stringify('"'.repeat(4095));

  test.each([
    ["in letters of three bytes", HANGUL],
    ["of characters that JSON escapes", QUOTES],
  ])("are all recorded, and their row stays small: %s", (_, result) => {
    const h = new PackHarness();
    h.submit(h.jobs(100));
    const items = h.take(100);
    const answers = succeedWith(h, items, result);
    expect(answers.filter(({ status }) => status !== "recorded")).toEqual([]);
    const [largest] = h.sql.all<{ bytes: number }>("SELECT max(octet_length(done)) AS bytes FROM slices");
    expect(largest?.bytes).toBeGreaterThan(100_000);
    expect(largest?.bytes).toBeLessThan(MAX_VALUE_BYTES / 3);
    for (const at of [0, 50, 99]) expect(h.get(items[at]?.id ?? "")).toMatchObject({ state: "succeeded", result });
    h.restart();
    expect([h.count("jobs"), h.project().length, h.broken()]).toEqual([100, 100, []]);
  });
});

describe("slices that are over", () => {
  test("are read once by a call that reports all of their jobs again", () => {
    const h = new PackHarness();
    h.submit(h.jobs(100));
    const items = h.take(100);
    succeedWith(h, items, TEXT);
    const read = vi.spyOn(h.sql, "all");
    const answers = succeedWith(h, items, TEXT);
    const texts = read.mock.results.filter(({ value }) => JSON.stringify(value).length > 40_000);
    read.mockRestore();
    expect(answers.map(({ status }) => status)).toEqual(items.map(() => "stale"));
    expect(texts).toHaveLength(1);
  });

  test("have results that the object reads neither when it starts, nor to compare heads with rows", () => {
    const h = donePacks(20);
    h.submit(h.jobs(100));
    const open = h.take(50);
    succeedWith(h, open.slice(0, 10), TEXT);
    const sql = new Counting(h.sql);
    const packs = Packs.load(sql, (pack) => expect(pack).toBe(null));
    // Some 500 a pack, and ten results. Of all the others there are a million.
    expect(sql.characters).toBeLessThan(30_000);
    const [last] = [...packs.heads.ofQueue(1)].slice(-1);
    expect(last?.slices.map(({ first, n, done }) => [first, n, done.size])).toEqual([[0, 50, 10]]);
    expect(h.broken()).toEqual([]);
  });
});

describe("the audit", () => {
  const walk = (h: Harness): AuditReply => h.core.audit({ ...CALL, walk: true }, h.alarmAt);

  test("looks at few slices in a step, because each tells of a hundred jobs with their results", () => {
    const h = donePacks(80);
    const steps = [];
    for (let reply = walk(h); ; reply = walk(h)) {
      steps.push(reply);
      if (reply.running === null) break;
    }
    // 80 slices, of which 25 weigh as much as a step.
    expect(steps.length).toBeGreaterThanOrEqual(4);
    expect(steps.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test.each([
    ["too many of its jobs run", "open = open + 1"],
    ["too few do", "open = open - 1"],
    ["a success is written twice", "open = open - 1, done = done || ',' || substr(done, 1, instr(done, ']'))"],
    ["a success is of a place that the slice does not have", "done = replace(done, '[3,', '[103,')"],
    ["a success is missing", "done = substr(done, instr(done, ']') + 2)"],
  ])("finds a slice of which %s", (_, change) => {
    const h = new PackHarness();
    h.submit(h.jobs(100));
    const items = h.take(100);
    succeedWith(h, items.slice(0, 20), "1");
    h.fail(items[30]?.lease ?? "", { code: "broken", message: "", retryable: true });
    h.now += SECOND;
    expect(h.broken()).toEqual([]);
    h.sql.run(`UPDATE slices SET ${change}`);
    expect(h.broken()).toContain("slice-counts-its-jobs");
  });
});
