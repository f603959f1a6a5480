import { expect, test } from "vitest";
import { SUBSYSTEMS } from "../../../../durable-objects/shard/subsystems.ts";
import { Harness } from "../../../rigs/shard-harness.ts";
import { type MasterRow, unregisteredTables } from "../../house/table-registry.ts";

/** What keeps track of the schema itself. */
const OF_MIGRATIONS = "migrations";

const registry = SUBSYSTEMS.flatMap(({ tables = [] }) =>
  tables.map(({ table, scope }) =>
    scope === "slot" ? { name: table, scope, column: "slot" } : { name: table, scope },
  ),
);

function masterRows(h: Harness): MasterRow[] {
  const rows = h.sql.all<{ name: string; tbl_name: string; sql: string | null }>(
    "SELECT name, tbl_name, sql FROM sqlite_master",
  );
  return rows.filter(({ tbl_name: table }) => table !== OF_MIGRATIONS).map(({ name, sql }) => ({ name, sql }));
}

test("every table of a shard is declared by its subsystem, with the slot of its rows or the reason why they have none", () => {
  expect(registry.length).toBeGreaterThan(15);
  expect(unregisteredTables(masterRows(new Harness()), registry)).toEqual([]);
});

test("a table that no subsystem declares is found, and one of a slot that has no column for it", () => {
  const h = new Harness();
  h.sql.run("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID");
  expect(unregisteredTables(masterRows(h), registry)).toEqual([expect.stringContaining("notes")]);
  const declared = [...registry, { name: "notes", scope: "slot" as const, column: "slot" }];
  expect(unregisteredTables(masterRows(h), declared)).toEqual([expect.stringContaining("slot")]);
});

test("a reason is given for every table whose rows stay with the shard", () => {
  for (const { tables = [] } of SUBSYSTEMS) {
    for (const table of tables) if (table.scope === "shard") expect(table.why.length, table.table).toBeGreaterThan(20);
  }
});

test("subsystems have names of their own, and migrations too", () => {
  const names = SUBSYSTEMS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const steps = SUBSYSTEMS.flatMap(({ schema = [] }) => schema.map(({ name }) => name));
  expect(new Set(steps).size).toBe(steps.length);
});
