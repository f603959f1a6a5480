/**
 * As much of a D1 database as Dure's queries use, over `node:sqlite`. Every call goes through a `gate`, where a
 * caller may delay it, fail it before, or fail it after its commit.
 */
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { SqlValue } from "../../durable-objects/sql.ts";
import { checkStatement } from "../../durable-objects/sql-limits.ts";

/** Runs `work` once, never, or once with its answer thrown away. */
export type Gate = <T>(work: () => T) => Promise<T>;

const open: Gate = async (work) => work();

const MIGRATIONS = fileURLToPath(new URL("../../migrations", import.meta.url).href);

let migrations: string | null = null;

/** A database with the real migrations applied. */
export function openHistory(): DatabaseSync {
  migrations ??= readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => readFileSync(`${MIGRATIONS}/${name}`, "utf8"))
    .join("\n");
  const db = new DatabaseSync(":memory:");
  db.exec(migrations);
  return db;
}

/** A D1 binding over `db`. Several may share one database, each with a gate of its own. `rewrite` is for mutants. */
export function d1(db: DatabaseSync, gate: Gate = open, rewrite = (query: string) => query): D1Database {
  const binding = {
    prepare: (query: string) => statement({ db, gate, query: rewrite(query), params: [] }),
    batch: (statements: Bound[]) => gate(() => together(db, () => statements.map((one) => one.result()))),
    exec: (query: string) =>
      gate(() => {
        db.exec(query);
        return { count: 1, duration: 0 };
      }),
    withSession: () => ({ ...binding, getBookmark: () => null }),
  };
  return binding as unknown as D1Database;
}

interface Parts {
  db: DatabaseSync;
  gate: Gate;
  query: string;
  params: SQLInputValue[];
}

type Bound = ReturnType<typeof statement>;

function statement(parts: Parts) {
  const { db, gate, query, params } = parts;
  const result = () => {
    const before = changes(db);
    checkStatement(query, params as SqlValue[]);
    const results = prepared(db, query).all(...params);
    const changed = changes(db) - before;
    return {
      success: true,
      results,
      meta: { duration: 0, changes: changed, rows_written: changed, rows_read: results.length },
    };
  };
  return {
    result,
    bind: (...values: SQLInputValue[]): unknown => statement({ ...parts, params: values }),
    all: () => gate(result),
    run: () => gate(result),
    first: (column?: string) =>
      gate(() => {
        const row = result().results[0] ?? null;
        return column === undefined || row === null ? row : (row[column] ?? null);
      }),
    raw: () =>
      gate(() => {
        const arrays = db.prepare(query);
        arrays.setReturnArrays(true);
        return arrays.all(...params);
      }),
  };
}

const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

function prepared(db: DatabaseSync, query: string): StatementSync {
  let known = statements.get(db);
  if (known === undefined) {
    known = new Map();
    statements.set(db, known);
  }
  let found = known.get(query);
  if (found === undefined) {
    found = db.prepare(query);
    known.set(query, found);
  }
  return found;
}

function changes(db: DatabaseSync): number {
  return Number(prepared(db, "SELECT total_changes() AS n").get()?.n);
}

function together<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const done = work();
    db.exec("COMMIT");
    return done;
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}
