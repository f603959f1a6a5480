import { globSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Tables of a shard whose rows come with jobs and go when they are forgotten. An index entry that a deletion takes along is not billed. */
const OF_SHARDS = ["jobs", "packs", "slices", "finished", "idempotency", "dedup"];
/** Tables of history, each with the rows that are written when one of its rows is deleted: its own and those of its index. */
const OF_HISTORY: readonly [table: string, rows: number][] = [
  ["history_pages", 2],
  ["jobs", 2],
];

/** Rows that are there to be deleted, later. */
export interface ToForget {
  objectRows: number;
  d1Rows: number;
}

/** What the shards and history under `stateDir` have yet to forget, in rows that will be billed then. */
export function toForget(stateDir: string): ToForget {
  return {
    objectRows: sum(`${stateDir}/do/**/*.sqlite`, (count) => total(OF_SHARDS, count)),
    d1Rows: sum(`${stateDir}/d1/**/*.sqlite`, (count) =>
      OF_HISTORY.reduce((rows, [table, each]) => rows + each * count(table), 0),
    ),
  };
}

function total(tables: readonly string[], count: (table: string) => number): number {
  return tables.reduce((rows, table) => rows + count(table), 0);
}

/** The platform that writes to a database keeps it locked for less. */
const PATIENCE_MS = 10_000;

/** The sum over databases. Platforms of other stores keep theirs beside: a table that is not there has no rows. */
function sum(files: string, of: (count: (table: string) => number) => number): number {
  return globSync(files).reduce((rows, file) => {
    const database = new DatabaseSync(file, { readOnly: true, timeout: PATIENCE_MS });
    const known = new Set(
      database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .all()
        .map(({ name }) => name),
    );
    const count = (table: string) =>
      known.has(table) ? Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0) : 0;
    try {
      return rows + of(count);
    } finally {
      database.close();
    }
  }, 0);
}
