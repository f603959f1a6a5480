import type { Migrations } from "../../migrate.ts";

/** Bulk operations of this shard: how far each has walked. One row an operation. */
export const OPERATION_MIGRATIONS: Migrations = [
  {
    name: "operations/1-operations",
    statements: [
      `CREATE TABLE operations (
        id TEXT PRIMARY KEY,
        request TEXT NOT NULL,
        after TEXT NOT NULL DEFAULT '',
        scanned INTEGER NOT NULL DEFAULT 0,
        matched INTEGER NOT NULL DEFAULT 0,
        changed INTEGER NOT NULL DEFAULT 0,
        paced_at REAL NOT NULL DEFAULT 0,
        next_at INTEGER,
        expires_at INTEGER
      ) WITHOUT ROWID`,
      // Which operation goes on next. One row an operation that is not done.
      "CREATE INDEX operations_next ON operations (next_at) WHERE next_at IS NOT NULL",
      "CREATE INDEX operations_expiry ON operations (expires_at) WHERE expires_at IS NOT NULL",
    ],
  },
  {
    name: "operations/2-by-namespace",
    // What goes with a namespace. One row an operation.
    statements: ["CREATE INDEX operations_by_namespace ON operations (request ->> '$.namespace')"],
  },
];
