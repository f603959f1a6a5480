import { describe, expect, test } from "vitest";
import { type Databases, historyDatabases, homeOf } from "../../../../workers/db/databases.ts";

const database = {} as D1Database;
const SHARDS = Array.from({ length: 256 }, (_, i) => `shard-${i}`);

function bound(count: number): Databases {
  const added = Array.from({ length: count - 1 }, (_, i) => [`HISTORY_DB_${i + 1}`, database]);
  return historyDatabases({ DB: database, ...Object.fromEntries(added) });
}

describe("databases of history", () => {
  test("are DB and what is bound beside it, by their numbers, and nothing else", () => {
    const others = { HISTORY_DB_10: database, HISTORY_DB_2: database, HISTORY: database, HISTORY_DB_x: database };
    expect(historyDatabases({ ...others, DB: database }).map(({ name }) => name)).toEqual([
      "DB",
      "HISTORY_DB_2",
      "HISTORY_DB_10",
    ]);
  });

  test("with one alone every shard is at home there", () => {
    expect(new Set(SHARDS.map((shard) => homeOf(shard, bound(1)).name))).toEqual(new Set(["DB"]));
  });

  test.each([2, 3, 4, 8])("%i of them get about as many shards each", (count) => {
    const homes = Map.groupBy(SHARDS, (shard) => homeOf(shard, bound(count)).name);
    expect(homes.size).toBe(count);
    for (const shards of homes.values()) {
      expect(shards.length).toBeGreaterThan((SHARDS.length / count) * 0.6);
      expect(shards.length).toBeLessThan((SHARDS.length / count) * 1.5);
    }
  });

  test("one more takes its part from the others, and moves no shard between those", () => {
    for (let count = 1; count < 6; count++) {
      for (const shard of SHARDS) {
        const [before, after] = [homeOf(shard, bound(count)).name, homeOf(shard, bound(count + 1)).name];
        expect([before, `HISTORY_DB_${count}`]).toContain(after);
      }
    }
  });
});
