import type { Migrations } from "../../migrate.ts";

/**
 * Parked ordering keys: 'blocked' by the failure of a job, or 'paused' by hand. 2 rows a key. `slot` is that of the
 * key's jobs: a queue keeps its number of partitions as long as one of its keys is parked, also while it is deleted.
 */
export const PARKED_MIGRATIONS: Migrations = [
  {
    name: "ordering-keys/1-parked",
    statements: [
      `CREATE TABLE parked (
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL,
        job TEXT,
        since INTEGER NOT NULL,
        PRIMARY KEY (slot, queue, key)
      ) WITHOUT ROWID`,
      "CREATE INDEX parked_since ON parked (queue, state, since DESC, key)",
    ],
  },
];
