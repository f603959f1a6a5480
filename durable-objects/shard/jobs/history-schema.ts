import type { Migrations } from "../../migrate.ts";

/**
 * Finished jobs in the order they finished: what history has to copy, and later what may be forgotten. `seq` is the cursor
 * of history: each row has one of its own, and rows of one step follow each other.
 */
export const FINISHED_MIGRATIONS: Migrations = [
  {
    name: "history/1-finished",
    statements: [
      // One row a step and slot, however many jobs of the slot finished in it (and one for each time at which they are to
      // go); jobs is a JSON array of [id, version]. moved_in: 1 where history had these jobs before the slot came here.
      `CREATE TABLE finished (
        seq INTEGER PRIMARY KEY,
        slot INTEGER NOT NULL,
        purge_at INTEGER NOT NULL,
        moved_in INTEGER NOT NULL DEFAULT 0,
        jobs TEXT NOT NULL
      )`,
      // When jobs are to go. One row for each row.
      "CREATE INDEX finished_purge ON finished (purge_at, moved_in)",
    ],
  },
];
