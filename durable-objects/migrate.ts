import type { Sql } from "./sql.ts";

/** Schema steps, applied once each and in order. Append only: a step that has shipped never changes. */
export type Migrations = readonly string[][];

/** Brings the database to the newest schema, in one transaction. The version is the number of steps applied. */
export function migrate(sql: Sql, migrations: Migrations): void {
  sql.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
  const applied = sql.all<{ version: number }>("SELECT version FROM schema_version")[0]?.version ?? null;
  if (applied === migrations.length) return;
  sql.transaction(() => {
    if (applied === null) sql.run("INSERT INTO schema_version VALUES (0)");
    for (const step of migrations.slice(applied ?? 0)) {
      for (const statement of step) sql.run(statement);
    }
    sql.run("UPDATE schema_version SET version = ?", migrations.length);
  });
}
