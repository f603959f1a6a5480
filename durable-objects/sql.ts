/** The little that Dure asks of SQLite, so that one store runs in a Durable Object and on `node:sqlite`. */

export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;

export interface Sql {
  /**
   * Runs one statement and returns its rows. Synchronous, as SQLite in a Durable Object is. Write `LIMIT +?`:
   * SQLite looks at a bare bound LIMIT while it plans, and so prepares the statement anew at every call.
   */
  all<Row extends SqlRow>(query: string, ...params: SqlValue[]): Row[];
  /** Runs one statement for its effect. */
  run(query: string, ...params: SqlValue[]): void;
  /** All of `step`'s writes, or none when it throws. Never asynchronous. One inside another is a savepoint. */
  transaction<T>(step: () => T): T;
  /** Rows written so far, index entries included: what Cloudflare bills. */
  rowsWritten(): number;
  /** Size of the database in bytes. */
  bytes(): number;
}
