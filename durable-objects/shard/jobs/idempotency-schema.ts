import type { Migrations } from "../../migrate.ts";

/**
 * Idempotency keys: the job that answers for each, as long as its window. 2 rows a key, and 1 when it is forgotten.
 *
 * `slot` is that of the job, which is that of every call with the key: scope and key decide the partition, and a queue
 * keeps its number of partitions as long as a key of it answers (`hold`). A row whose window is over may have been written
 * under another number; it answers nothing, and is swept by its time.
 */
export const IDEMPOTENCY_MIGRATIONS: Migrations = [
  {
    name: "idempotency/1-idempotency",
    statements: [
      // scope: domain/key-scope.ts.
      `CREATE TABLE idempotency (
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        hash TEXT NOT NULL,
        job TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (slot, queue, scope, key)
      ) WITHOUT ROWID`,
      "CREATE INDEX idempotency_expiry ON idempotency (expires_at)",
    ],
  },
];
