import { migrate } from "../../../durable-objects/migrate.ts";
import type { Subsystem, TableScope } from "../../../durable-objects/shard/kernel/subsystem.ts";
import { SUBSYSTEMS } from "../../../durable-objects/shard/subsystems.ts";
import { openSql } from "../../simulation/node-sqlite.ts";
import type { Violation } from "./parse.ts";
import { type MasterRow, unregisteredTables } from "./table-registry.ts";

/** What keeps track of the schema itself. */
const OF_MIGRATIONS = "migrations";

/** Where the tables that subsystems declare and those that their migrations make disagree. */
export function shardTables(subsystems: readonly Subsystem[] = SUBSYSTEMS): Violation[] {
  const sql = openSql();
  migrate(
    sql,
    subsystems.flatMap(({ schema }) => schema ?? []),
  );
  const rows = sql
    .all<{ name: string; tbl_name: string; sql: string | null }>("SELECT name, tbl_name, sql FROM sqlite_master")
    .filter(({ tbl_name: table }) => table !== OF_MIGRATIONS)
    .map(({ name, sql: text }): MasterRow => ({ name, sql: text }));
  const registry = subsystems.flatMap(({ tables = [] }) =>
    tables.map((declared) => ({ name: declared.table, scope: declared.scope, ...columnOf(declared) })),
  );
  return unregisteredTables(rows, registry);
}

/** What carries the slots of a table's rows. */
function columnOf(declared: TableScope): { column?: string } {
  if (declared.scope === "shard") return {};
  return { column: declared.scope === "slots" ? declared.keysOf : "slot" };
}
