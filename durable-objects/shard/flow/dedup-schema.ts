import type { Migrations } from "../../migrate.ts";

/**
 * Deduplication keys: the job that holds a key, and the one that waits for it to end. 2 rows a key, 1 where its window never
 * ends.
 *
 * `slot` is that of both jobs, and of every call with the key: scope and key decide the partition, and a queue keeps its
 * number of partitions as long as a key of it is held (`hold`). A row whose window is over may have been written under
 * another number, when its job had ended: it is found by its time, and deleted.
 */
export const DEDUP_MIGRATIONS: Migrations = [
  {
    name: "dedup/1-dedup",
    statements: [
      // Windows end at expires_at and next_expires_at; null is never. kept: the window is over, and the row stays until its
      // job has ended. scope: domain/key-scope.ts.
      `CREATE TABLE dedup (
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        job TEXT NOT NULL,
        expires_at INTEGER,
        next TEXT,
        next_expires_at INTEGER,
        kept INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (slot, queue, scope, key)
      ) WITHOUT ROWID`,
      // One row a key whose window ends.
      "CREATE INDEX dedup_expiry ON dedup (expires_at) WHERE expires_at IS NOT NULL AND kept = 0",
    ],
  },
];
