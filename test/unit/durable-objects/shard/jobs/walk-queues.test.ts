import { expect, test } from "vitest";
import { nextOf, type QueueWalk, walkIds } from "../../../../../durable-objects/shard/jobs/walk-queues.ts";
import type { Sql, SqlRow, SqlValue } from "../../../../../durable-objects/sql.ts";
import { Harness, settingsOf } from "../../../../rigs/shard-harness.ts";

const MINE = ["a", "b", "c"].map((name) => settingsOf({ namespace: "mine", name, target: { type: "pull" } }));
const THEIRS = settingsOf({ namespace: "theirs", target: { type: "pull" } });

/** Jobs of three queues, one after the other, between those of a neighbour. Answers their ids. */
function filled(h: Harness, jobs: number, neighbours: number): string[] {
  const ids: string[] = [];
  for (let i = 0; i < jobs; i++) {
    h.now += 5;
    const settings = MINE[i % 3] ?? THEIRS;
    const job = h.job({}, settings);
    h.submit([job], { queues: [settings] });
    ids.push(job.id);
    if (i % 100 === 0 && neighbours > 0) {
      h.submit(
        Array.from({ length: neighbours }, () => h.job({}, THEIRS)),
        { queues: [THEIRS] },
      );
    }
  }
  return ids.sort();
}

const refs = (h: Harness) =>
  h.sql.all<{ ref: number }>("SELECT ref FROM queues WHERE namespace = 'mine' ORDER BY ref").map(({ ref }) => ref);

/** Counts the rows that statements answer. */
function counting(sql: Sql): { sql: Sql; rows: () => number } {
  let rows = 0;
  const all = <Row extends SqlRow>(query: string, ...params: SqlValue[]) => {
    const found = sql.all<Row>(query, ...params);
    rows += found.length;
    return found;
  };
  return { sql: { ...sql, all }, rows: () => rows };
}

const EVERY: Omit<QueueWalk, "queues"> = { indexes: ["all"], after: "", before: "job_{", newestFirst: true };

test("merges the jobs of some queues by their ids, in either direction and between bounds", () => {
  const h = new Harness();
  const ids = filled(h, 1300, 3);
  const walk = (over: Partial<QueueWalk>) => [...walkIds(h.core.engine, { ...EVERY, queues: refs(h), ...over })];
  expect(walk({ newestFirst: false })).toEqual(ids);
  expect(walk({})).toEqual(ids.toReversed());
  const [after = "", before = ""] = [ids[10], ids[700]];
  expect(walk({ after, before, newestFirst: false })).toEqual(ids.slice(11, 700));
  expect(walk({ after, before })).toEqual(ids.slice(11, 700).toReversed());
  expect(walk({ queues: [] })).toEqual([]);
});

test("goes on behind what was taken, and reads the same beside a neighbour's jobs", () => {
  const read = [0, 500].map((neighbours) => {
    const h = new Harness();
    const ids = filled(h, 900, neighbours);
    const { sql, rows } = counting(h.sql);
    const { engine } = h.core;
    const walk = walkIds({ sql, get: (part) => engine.get(part) }, { ...EVERY, queues: refs(h) });
    expect(nextOf(walk, 50)).toEqual(ids.toReversed().slice(0, 50));
    expect(nextOf(walk, 1)).toEqual([ids.at(-51)]);
    return rows();
  });
  expect(read[1]).toBe(read[0]);
  expect(read[0]).toBeLessThan(400);
});

test("an index that has two states is walked with one that has another", () => {
  const h = new Harness();
  const failed = h.accept();
  h.failOne();
  const running = h.accept();
  h.takeOne();
  const queues = [h.sql.all<{ ref: number }>("SELECT ref FROM queues")[0]?.ref ?? 0];
  expect([...walkIds(h.core.engine, { ...EVERY, queues, indexes: ["dead", "discarded"] })]).toEqual([failed]);
  expect([...walkIds(h.core.engine, { ...EVERY, queues })].sort()).toEqual([failed, running].sort());
});
