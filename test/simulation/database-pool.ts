/**
 * Databases that histories use one after another: a schema and a hundred prepared statements cost more than the
 * history itself. A returned database is emptied, so nothing of one history is in the next.
 */
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../durable-objects/migrate.ts";
import { SHARD_MIGRATIONS } from "../../durable-objects/shard/subsystems.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import { openHistory } from "./d1-stand-in.ts";
import { nodeSql } from "./node-sqlite.ts";

/** Some 260 come in a thousand histories; mutants have more. Where each history brought its own, campaigns took gigabytes. */
const MOST_TEXTS = 1_000;

export interface PooledDatabase {
  db: DatabaseSync;
  sql: Sql;
  /** Empties it and keeps it for later. */
  release(): void;
}

const shards: PooledDatabase[] = [];
const histories: PooledDatabase[] = [];

/** A shard's database with its schema; `fresh`: with none, as at the birth of a shard. */
export function shardDatabase(fresh: boolean): PooledDatabase {
  if (fresh) return pooled(new DatabaseSync(":memory:"), null);
  const used = shards.pop();
  if (used !== undefined) return used;
  const made = pooled(new DatabaseSync(":memory:"), shards);
  migrate(made.sql, SHARD_MIGRATIONS);
  return made;
}

export function historyDatabase(): PooledDatabase {
  return histories.pop() ?? pooled(openHistory(), histories);
}

function pooled(db: DatabaseSync, pool: PooledDatabase[] | null): PooledDatabase {
  const made: PooledDatabase = {
    db,
    sql: nodeSql(db, MOST_TEXTS),
    release: () => {
      if (pool === null) return db.close();
      for (const table of tablesOf(made.sql)) made.sql.run(`DELETE FROM ${table}`);
      pool.push(made);
    },
  };
  return made;
}

function tablesOf(sql: Sql): string[] {
  const query =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations'";
  return sql.all<{ name: string }>(query).map(({ name }) => name);
}
