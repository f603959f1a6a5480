import { migrate } from "../../../durable-objects/migrate.ts";
import type { Subsystem } from "../../../durable-objects/shard/kernel/subsystem.ts";
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
    tables.map(({ table, scope }) =>
      scope === "slot" ? { name: table, scope, column: "slot" } : { name: table, scope },
    ),
  );
  return unregisteredTables(rows, registry);
}
