import type { Sql } from "./sql.ts";

/** One step of a schema. `name` says its topic, and its place there: "jobs/1-jobs". */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * The steps of a schema, in the order in which an empty database takes them. A database remembers the names of those it
 * has had, so a step that is added to one topic moves no other. A step that has shipped keeps its name and never changes.
 */
export type Migrations = readonly Migration[];

/** Before databases remembered names they had a number here. None was ever released, and none can be read. */
const OLD_TABLE = "schema_version";

export const OLD_STATE =
  "This state was written by a development version before the first release and cannot be read: " +
  "remove the state directory (npm start prints it) and start again.";

/**
 * Brings the database to the schema of this code, all of it in one transaction. Costs one query, and writes nothing, where
 * that is done already.
 *
 * Names that the database knows and the code does not are left alone: they are of newer code, which may come back.
 */
export function migrate(sql: Sql, migrations: Migrations): void {
  const missing = pending(sql, migrations);
  if (missing.length === 0) return;
  sql.transaction(() => {
    sql.run("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) WITHOUT ROWID");
    for (const { name, statements } of missing) {
      for (const statement of statements) sql.run(statement);
      sql.run("INSERT INTO migrations VALUES (?)", name);
    }
  });
}

/** The steps that the database has not had; all of them where nothing was ever written. Writes nothing. */
export function pending(sql: Sql, migrations: Migrations): Migrations {
  const twice = migrations.find(({ name }, i) => migrations.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new Error(`two migrations are called ${twice.name}`);
  const applied = new Set(appliedNames(sql));
  return migrations.filter(({ name }) => !applied.has(name));
}

function appliedNames(sql: Sql): string[] {
  try {
    return sql.all<{ name: string }>("SELECT name FROM migrations").map(({ name }) => name);
  } catch (error) {
    // An empty database has no such table; to look for it first would cost every other one a query.
    const tables = sql.all<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('migrations', ?)",
      OLD_TABLE,
    );
    if (tables.some(({ name }) => name === OLD_TABLE)) throw new Error(OLD_STATE);
    if (tables.length > 0) throw error;
    return [];
  }
}
