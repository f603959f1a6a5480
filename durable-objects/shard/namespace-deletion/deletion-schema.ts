import type { Migrations } from "../../migrate.ts";

/** How far the deletion of each namespace is on this shard. */
export const DELETION_MIGRATIONS: Migrations = [
  {
    name: "namespace-deletion/1-deletions",
    statements: [
      // jobs: how many were deleted so far. version: of the settings by which the shard was last asked to look. done_at: when
      // nothing was left, null before. 1 row a step of the deletion.
      `CREATE TABLE namespace_deletions (
        name TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        jobs INTEGER NOT NULL,
        done_at INTEGER
      ) WITHOUT ROWID`,
    ],
  },
];
