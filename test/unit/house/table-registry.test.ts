import { expect, it } from "vitest";
import { openSql } from "../../simulation/node-sqlite.ts";
import { type MasterRow, type RegisteredTable, unregisteredTables } from "./table-registry.ts";

const SCHEMA = `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY, -- UNIQUE, by its nature
    slot INTEGER GENERATED ALWAYS AS (seq % 4096) STORED,
    seq INTEGER NOT NULL CHECK (seq > 0 AND seq <> 7),
    note TEXT DEFAULT 'UNIQUE, (says the text'
  ) WITHOUT ROWID;
  CREATE INDEX jobs_seq ON jobs (seq);
  CREATE TABLE marks (slot INTEGER, sender TEXT, PRIMARY KEY (slot, sender));
  CREATE TABLE logs (seq INTEGER PRIMARY KEY, by_slot TEXT NOT NULL);
  CREATE TABLE meta (key TEXT UNIQUE, value TEXT);
`;

const REGISTRY: readonly RegisteredTable[] = [
  { name: "jobs", scope: "slot", column: "slot" },
  { name: "marks", scope: "slot", column: "slot" },
  { name: "logs", scope: "slots", column: "by_slot" },
  { name: "meta", scope: "shard" },
];

/** What is found in a database of `SCHEMA` and `more`. */
function found(more = "", registry: readonly RegisteredTable[] = REGISTRY): string[] {
  const sql = openSql();
  sql.run(SCHEMA);
  if (more !== "") sql.run(`${more}; SELECT 1`);
  const rows = sql.all<MasterRow & Record<string, string | null>>("SELECT name, sql FROM sqlite_master");
  sql.close();
  return unregisteredTables(rows, registry);
}

it("tables that are registered as they are, are let pass", () => {
  expect(found()).toEqual([]);
  expect(found("ALTER TABLE marks RENAME TO old; ALTER TABLE old RENAME TO marks")).toEqual([]);
});

it("tables that SQLite and the platform keep for themselves need no registration", () => {
  expect(found("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY)")).toEqual([]);
  expect(found("CREATE TABLE jobs_log (n INTEGER PRIMARY KEY AUTOINCREMENT)")).toEqual([
    "jobs_log: the table is not registered",
  ]);
});

const slotTable = (name: string): RegisteredTable => ({ name, scope: "slot", column: "slot" });

it.each<[string, string, readonly RegisteredTable[], string]>([
  ["not registered", "CREATE TABLE extra (id TEXT)", REGISTRY, "extra: the table is not registered"],
  ["registered twice", "", [...REGISTRY, { name: "meta", scope: "shard" }], "meta: the table is registered more than"],
  ["missing", "", [...REGISTRY, { name: "gone", scope: "shard" }], "gone: the registered table does not exist"],
  [
    "no column named",
    "CREATE TABLE extra (id TEXT)",
    [...REGISTRY, { name: "extra", scope: "slot" }],
    "extra: a table of a slot must name the column",
  ],
  [
    "no column named by a table of several slots",
    "CREATE TABLE extra (id TEXT)",
    [...REGISTRY, { name: "extra", scope: "slots" }],
    "extra: a table of a slot must name the column",
  ],
  [
    "no such column in a table of several slots",
    "CREATE TABLE extra (id TEXT)",
    [...REGISTRY, { name: "extra", scope: "slots", column: "by_slot" }],
    "extra: the table has no column by_slot",
  ],
  [
    "a column whose keys cannot be slots",
    "CREATE TABLE extra (id TEXT, by_slot INTEGER)",
    [...REGISTRY, { name: "extra", scope: "slots", column: "by_slot" }],
    "extra: by_slot, whose keys should be the slots, must be JSON",
  ],
  [
    "a UNIQUE column in a table of several slots",
    "CREATE TABLE extra (id TEXT PRIMARY KEY, by_slot TEXT UNIQUE)",
    [...REGISTRY, { name: "extra", scope: "slots", column: "by_slot" }],
    "extra: a table of a slot may have no UNIQUE constraint",
  ],
  [
    "no such column, though a text and a check speak of it",
    "CREATE TABLE extra (id TEXT DEFAULT 'slot', CHECK (id <> 'slot'))",
    [...REGISTRY, slotTable("extra")],
    "extra: the table has no column slot",
  ],
  [
    "a UNIQUE column",
    "CREATE TABLE extra (id TEXT PRIMARY KEY, slot INTEGER, name TEXT UNIQUE)",
    [...REGISTRY, slotTable("extra")],
    "extra: a table of a slot may have no UNIQUE constraint",
  ],
  [
    "a UNIQUE constraint of the table",
    "CREATE TABLE extra (id TEXT PRIMARY KEY, slot INTEGER, n INTEGER, CONSTRAINT one UNIQUE (slot, n))",
    [...REGISTRY, slotTable("extra")],
    "extra: a table of a slot may have no UNIQUE constraint",
  ],
  [
    "a unique index, of a table whose name was changed",
    'CREATE TABLE old (id TEXT PRIMARY KEY, slot INTEGER); CREATE UNIQUE INDEX one ON "old" (slot); ALTER TABLE old RENAME TO extra',
    [...REGISTRY, slotTable("extra")],
    "extra: a table of a slot may have no UNIQUE constraint",
  ],
])("a fault of the registry is found: %s", (_, more, registry, message) => {
  const faults = found(more, registry);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(message);
});
