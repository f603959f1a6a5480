import type { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { type Databases, homeOf } from "../../../../workers/db/databases.ts";
import { projectionStore } from "../../../../workers/db/projection.ts";
import { standingIn } from "../../../../workers/db/shard-moves.ts";
import { spreadProjection } from "../../../../workers/db/spread-projection.ts";
import { d1, type Gate, openHistory } from "../../../simulation/d1-stand-in.ts";

const NOW = 1_800_000_000_000;
const now = () => NOW;
const DBS: Record<string, DatabaseSync> = {};

/** These databases, each new, or as they are where they were made before. */
function bound(names: string[], gate?: Gate): Databases {
  return names.map((name) => {
    DBS[name] ??= openHistory();
    return { name, database: d1(DBS[name], gate) };
  }) as unknown as Databases;
}

const NAMES = ["DB", "HISTORY_DB_1", "HISTORY_DB_2"];
const ALL = bound(NAMES);
/** A shard that is at home in the named database when all three are bound. */
const shardIn = (home: string, which = 0) =>
  Array.from({ length: 200 }, (_, i) => `shard-${which}-${i}`).find((id) => homeOf(id, ALL).name === home) ?? "";

const rowOf = (name: string, shard: string) =>
  DBS[name]?.prepare("SELECT cursor, moved_to, since FROM projections WHERE shard = ?").get(shard);

async function at(databases: Databases, shard: string, cursor: number): Promise<void> {
  const store = spreadProjection(databases, { now });
  const from = await store.position(shard);
  await store.write(shard, { from, to: { cursor, skip: 0 }, heardAt: null, chunks: [], pages: [], isRebuild: false });
}

describe("a shard's place in history", () => {
  test("that has never been anywhere is told in every database, so that nobody begins elsewhere", async () => {
    const shard = shardIn("HISTORY_DB_2", 1);
    await at(ALL, shard, 7);
    expect(await standingIn(ALL, shard, now)).toMatchObject({ cursor: 7, since: 0 });
    for (const name of ["DB", "HISTORY_DB_1"]) expect(rowOf(name, shard)).toMatchObject({ moved_to: "HISTORY_DB_2" });
    await expect(at(bound(["DB"]), shard, 9)).rejects.toThrow("have gone to HISTORY_DB_2");
    await expect(at(bound(["DB", "HISTORY_DB_1"]), shard, 9)).rejects.toThrow("HISTORY_DB_2, which is not bound here");
    await at(ALL, shard, 9);
    expect(rowOf("HISTORY_DB_2", shard)).toMatchObject({ cursor: 9 });
  });

  test("goes on from where it was when its home becomes another, and stays there", async () => {
    const shard = shardIn("HISTORY_DB_1", 2);
    await at(bound(["DB"]), shard, 5);
    expect(await standingIn(ALL, shard, now)).toMatchObject({ cursor: 5, since: NOW });
    expect(rowOf("DB", shard)).toMatchObject({ cursor: 5, moved_to: "HISTORY_DB_1" });
    await at(ALL, shard, 8);
    const without = bound(["DB", "HISTORY_DB_1"]);
    expect(await standingIn(without, shard, now)).toMatchObject({ cursor: 8 });
  });

  test("is found by who comes after one that died between closing one row and opening the other", async () => {
    const shard = shardIn("HISTORY_DB_1", 3);
    await at(bound(["DB"]), shard, 5);
    for (let dies = 1; dies <= 12; dies++) {
      let calls = 0;
      const gate: Gate = async (work) => {
        if (++calls === dies) throw new Error("died");
        return work();
      };
      await standingIn(bound(NAMES, gate), shard, now).catch(() => undefined);
      const open = NAMES.filter((name) => (rowOf(name, shard) as { moved_to: unknown } | undefined)?.moved_to === null);
      expect(open.length, `after call ${dies}`).toBeLessThanOrEqual(1);
    }
    expect(await standingIn(ALL, shard, now)).toMatchObject({ cursor: 5 });
    expect(rowOf("HISTORY_DB_1", shard)).toMatchObject({ cursor: 5, moved_to: null });
  });

  test("a projector that was under way to the earlier database writes nothing there", async () => {
    const shard = shardIn("HISTORY_DB_1", 4);
    const old = projectionStore(bound(["DB"])[0].database, { now });
    await at(bound(["DB"]), shard, 5);
    const from = await old.position(shard);
    await standingIn(ALL, shard, now);
    const late = { from, to: { cursor: 6, skip: 0 }, heardAt: null, chunks: [], pages: [], isRebuild: false };
    await expect(old.write(shard, late)).rejects.toThrow("have gone to HISTORY_DB_1");
    expect(rowOf("DB", shard)).toMatchObject({ cursor: 5 });
  });
});
