import { describe, expect, test } from "vitest";
import { HISTORY_LOG, jobsOf, type LoggedJob } from "../../../../../durable-objects/shard/jobs/history-log.ts";
import type { SqlRow } from "../../../../../durable-objects/sql.ts";
import { BOOM, DAY, Harness, HOUR, idsOf, MINUTE, RowHarness } from "../../../../rigs/shard-harness.ts";

/** An entry by its number: whether it has a time of its own, when it goes, whether history had its jobs before. */
type Planned = [kept: boolean, purgeAt: number, movedIn?: "moved in"];

/** The log of a shard, with an entry of one job for each that is planned, numbered from 1. */
function logOf(...planned: Planned[]) {
  const h = new Harness();
  const log = h.core.engine.get(HISTORY_LOG);
  for (const [i, [kept, purgeAt, movedIn]] of planned.entries()) {
    log.append(i + 1, { kept, purgeAt, jobs: new Map([[0, [[`j${i + 1}`, 1]]]]) });
    if (movedIn !== undefined) h.sql.run("UPDATE finished SET moved_in = 1 WHERE seq = ?", i + 1);
  }
  return { log, sql: h.sql };
}

const seqs = (entries: readonly { seq: number }[]) => entries.map(({ seq }) => seq);

const MIXED: Planned[] = [
  [false, 100],
  [true, 50],
  [true, 300],
  [false, 110],
  [true, 20, "moved in"],
  [false, 120],
  [true, 90],
];

describe("what history has not heard of", () => {
  test("comes in the order of the numbers, whenever it goes, and without what history had before", () => {
    const { log } = logOf(...MIXED);
    expect(seqs(log.after(0, 10))).toEqual([1, 2, 3, 4, 6, 7]);
    expect(seqs(log.after(0, 4))).toEqual([1, 2, 3, 4]);
    expect(seqs(log.after(2, 3))).toEqual([3, 4, 6]);
    expect(seqs(log.after(7, 3))).toEqual([]);
    expect(log.after(3, 1).map(({ jobs }) => jobsOf(jobs))).toEqual([[["j4", 1]]]);
  });

  test("is read from where the cursor is, in two walks that are merged: nothing is sorted", () => {
    const { log, sql } = logOf(...MIXED);
    const queries: string[] = [];
    const all = sql.all.bind(sql);
    sql.all = <Row extends SqlRow>(query: string, ...params: (string | number | null)[]): Row[] => {
      queries.push(query);
      return all<Row>(query, ...params);
    };
    log.after(0, 10);
    expect(queries).toHaveLength(1);
    const plan = all<{ detail: string }>(`EXPLAIN QUERY PLAN ${queries[0]}`, 0, 10).map(({ detail }) => detail);
    expect(plan[0]).toBe("MERGE (UNION ALL)");
    const walk = "SEARCH finished USING PRIMARY KEY (kept=? AND seq>?)";
    expect(plan.filter((detail) => !/^(MERGE|LEFT|RIGHT)/.test(detail))).toEqual([walk, walk]);
  });

  test.each<[string, Planned[], number]>([
    ["without an entry", [], 0],
    [
      "in the order of the log",
      [
        [true, 9],
        [false, 5],
      ],
      2,
    ],
    [
      "with a time of its own",
      [
        [false, 5],
        [true, 9],
      ],
      2,
    ],
    ["of one kind alone", [[true, 9]], 1],
  ])("is known up to the newest number: %s", (_what, planned, newest) => {
    expect(logOf(...planned).log.newest()).toBe(newest);
  });
});

describe("what may go", () => {
  test("is what history has and whose time is over, of both kinds, the oldest times first", () => {
    const { log } = logOf(...MIXED);
    const due = (now: number, projected: number, limit = 10) => seqs(log.purgeable({ now, projected, limit }));
    expect(due(19, 7)).toEqual([]);
    expect(due(20, 0)).toEqual([5]);
    expect(due(110, 7)).toEqual([5, 2, 7, 1, 4]);
    expect(due(110, 7, 4)).toEqual([5, 2, 7, 1]);
    expect(due(110, 3)).toEqual([5, 2, 1]);
    expect(due(1000, 7)).toEqual([5, 2, 7, 1, 4, 6, 3]);
  });

  test("in the order of the log is found however much it is, and hardly more is read than that", () => {
    const { log, sql } = logOf(...Array.from({ length: 100 }, (_, i): Planned => [false, i]));
    let read = 0;
    const all = sql.all.bind(sql);
    sql.all = <Row extends SqlRow>(query: string, ...params: (string | number | null)[]): Row[] => {
      const rows = all<Row>(query, ...params);
      read += rows.length;
      return rows;
    };
    const due = (now: number, limit: number) => seqs(log.purgeable({ now, projected: 100, limit })).length;
    expect([due(2, 200), read]).toEqual([3, 20]);
    expect([due(79, 200), due(19, 200), due(99, 200), due(99, 30)]).toEqual([80, 20, 100, 30]);
  });

  test.each<[string, Planned[], number | null]>([
    [
      "the first in the order of the log",
      [
        [false, 5],
        [false, 7],
        [true, 9],
      ],
      5,
    ],
    [
      "the soonest of those with a time of their own",
      [
        [false, 5],
        [true, 9],
        [true, 3],
      ],
      3,
    ],
    [
      "one that history had before, though it is not as far",
      [
        [true, 2],
        [false, 5],
        [false, 6],
        [true, 1],
        [true, 4, "moved in"],
      ],
      2,
    ],
    [
      "none that history lacks",
      [
        [false, 9],
        [false, 9],
        [false, 9],
        [false, 3],
        [true, 2],
      ],
      9,
    ],
    ["none without an entry", [], null],
  ])("next is %s", (_what, planned, at) => {
    expect(logOf(...planned).log.nextPurgeAt(3, 0)).toBe(at);
  });

  test("of jobs that history had before goes before history is as far", () => {
    const { log } = logOf([false, 5], [true, 4, "moved in"]);
    expect([log.nextPurgeAt(0, 0), log.nextPurgeAt(1, 0)]).toEqual([4, 4]);
    expect(logOf([false, 5], [true, 4]).log.nextPurgeAt(0, 0)).toBeNull();
  });

  test("is sought among the first few while history is away, however many entries it lacks", () => {
    const lacking = (n: number) => Array.from({ length: n }, (_, i): Planned => [true, HOUR + i]);
    expect(logOf([true, DAY], ...lacking(19)).log.nextPurgeAt(1, 0)).toBe(DAY);
    const { log } = logOf([true, DAY], ...lacking(200));
    expect(log.nextPurgeAt(1, 0)).toBe(HOUR + 19);
    // What they wait for is history, and not the alarm, which would come again at once.
    expect(log.nextPurgeAt(1, 2 * HOUR)).toBe(2 * HOUR + MINUTE);
    expect(log.nextPurgeAt(201, 2 * HOUR)).toBe(HOUR);
  });
});

describe("an entry", () => {
  test("names its jobs slot by slot, and is gone when they are taken", () => {
    const { log, sql } = logOf([false, 1]);
    const inSeven: LoggedJob[] = [
      ["b", 2],
      ["a", 5],
    ];
    const jobs = new Map<number, LoggedJob[]>([[7, inSeven]]).set(3, [["c", 1]]).set(12, [["d", 1]]);
    log.append(2, { kept: true, purgeAt: 9, jobs });
    expect(sql.all("SELECT jobs ->> '$.7' AS seven FROM finished WHERE seq = 2")).toEqual([
      { seven: JSON.stringify(inSeven) },
    ]);
    expect(log.take({ kept: 1, seq: 2 })).toEqual([["c", 1], ...inSeven, ["d", 1]]);
    expect(log.take({ kept: 1, seq: 2 })).toEqual([]);
    expect(sql.all("SELECT seq FROM finished")).toEqual([{ seq: 1 }]);
  });

  test("of jobs that history had before has a time of its own", () => {
    const { sql } = logOf([false, 1], [true, 1]);
    expect(() => sql.run("UPDATE finished SET moved_in = 1 WHERE kept = 0")).toThrow("CHECK");
    expect(() => sql.run("UPDATE finished SET kept = 2")).toThrow("CHECK");
    sql.run("UPDATE finished SET moved_in = 1 WHERE kept = 1");
  });
});

/** Which entries of the log have a time of their own, in order. */
const kinds = (h: Harness) =>
  h.sql.all<{ kept: number }>("SELECT kept FROM finished ORDER BY seq").map((row) => row.kept);

describe("a step", () => {
  test("has an entry of its own time for jobs that do not go the common time later", () => {
    const h = new Harness({ retentionMs: DAY });
    h.submit(h.jobs(4));
    const outcomes = h.take(4).map(({ lease }, i) => {
      if (i % 2 === 0) return { lease, outcome: { ok: true, result: "1", resultTruncated: false } as const };
      return { lease, outcome: { ok: false as const, error: { ...BOOM, retryable: false }, retryAfterMs: null } };
    });
    h.work({ reports: outcomes, room: { handler: 0, http: 0 } });
    expect(kinds(h).toSorted()).toEqual([0, 1]);
    h.cancel(h.accept());
    expect(kinds(h).slice(2)).toEqual([1]);
    expect(h.project()).toHaveLength(5);
    h.advance(10 * MINUTE);
    expect(kinds(h)).toEqual([1, 1]);
    h.advance(DAY);
    expect([kinds(h), h.count("jobs")]).toEqual([[], 0]);
  });

  test("has one of its own time for what succeeded in a queue that keeps it for less than that", () => {
    const h = new Harness({ retentionMs: 2 * MINUTE });
    h.accept();
    h.succeed(h.takeOne().lease);
    expect(kinds(h)).toEqual([1]);
    expect(h.stats().unprojectedSucceeded).toBe(1);
    h.project();
    expect(h.stats().unprojectedSucceeded).toBe(0);
    h.advance(2 * MINUTE);
    expect(kinds(h)).toEqual([]);
  });

  test("after the clock has stepped back makes nothing wait for what was logged before", () => {
    const h = new RowHarness();
    const [early, late, last] = [h.accept(), h.accept(), h.accept()];
    const leases = new Map(h.take().map(({ id, lease }) => [id, lease]));
    const succeed = (id: string) => h.succeed(leases.get(id) ?? "");
    succeed(early);
    h.now -= 3 * MINUTE;
    succeed(late);
    expect(kinds(h)).toEqual([0, 1]);
    h.now += 3 * MINUTE;
    succeed(last);
    expect(kinds(h)).toEqual([0, 1, 0]);
    expect(h.broken()).toEqual([]);
    expect(idsOf(h.project())).toEqual([early, late, last]);
    h.advance(7 * MINUTE);
    expect([early, late, last].map((id) => h.has(id))).toEqual([true, false, true]);
    h.advance(3 * MINUTE);
    expect(h.count("jobs")).toBe(0);
  });

  test("that forgets many jobs comes to its end after a bounded number of them, and the next goes on", () => {
    const h = new Harness();
    for (let i = 0; i < 25; i++) h.submit(h.jobs(100));
    for (let items = h.take(); items.length > 0; items = h.take()) {
      const outcome = { ok: true, result: "1", resultTruncated: false } as const;
      h.work({ reports: items.map(({ lease }) => ({ lease, outcome })), room: { handler: 0, http: 0 } });
    }
    h.project();
    h.now += 2 * HOUR;
    h.core.alarm();
    expect(h.count("jobs")).toBe(500);
    h.core.alarm();
    expect([h.count("jobs"), h.count("finished")]).toEqual([0, 0]);
  });
});
