import { expect, test } from "vitest";
import type { Subsystem } from "../../../../durable-objects/shard/kernel/subsystem.ts";
import { SUBSYSTEMS } from "../../../../durable-objects/shard/subsystems.ts";
import { shardTables } from "../../house/shard-tables.ts";

const NOTES: Subsystem = {
  name: "notes",
  schema: [{ name: "notes/1-notes", statements: ["CREATE TABLE notes (id TEXT PRIMARY KEY) WITHOUT ROWID"] }],
};

test("every table of a shard is declared by its subsystem, with the slot of its rows or the reason why they have none", () => {
  expect(SUBSYSTEMS.flatMap(({ tables = [] }) => tables).length).toBeGreaterThan(15);
  expect(shardTables()).toEqual([]);
});

test("a table that no subsystem declares is found, and one of a slot that has no column for it", () => {
  expect(shardTables([...SUBSYSTEMS, NOTES])).toEqual([expect.stringContaining("notes")]);
  const declared: Subsystem = { ...NOTES, tables: [{ table: "notes", scope: "slot" }] };
  expect(shardTables([...SUBSYSTEMS, declared])).toEqual([expect.stringContaining("slot")]);
  const ofSeveral: Subsystem = { ...NOTES, tables: [{ table: "notes", scope: "slots", keysOf: "jobs" }] };
  expect(shardTables([...SUBSYSTEMS, ofSeveral])).toEqual([expect.stringContaining("no column jobs")]);
});

test("a reason is given for every table whose rows stay with the shard", () => {
  for (const { tables = [] } of SUBSYSTEMS) {
    for (const table of tables) if (table.scope === "shard") expect(table.why.length, table.table).toBeGreaterThan(20);
  }
});
