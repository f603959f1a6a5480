import type { Migrations } from "../../migrate.ts";

/**
 * Finished jobs in the order they finished: what history has to copy, and later what may be forgotten. `seq` is the cursor
 * of history: each row has one of its own, and rows of one step follow each other.
 */
export const FINISHED_MIGRATIONS: Migrations = [
  {
    name: "history/1-finished",
    statements: [
      // One row a step and time at which its jobs are to go, however many jobs of however many slots. jobs is a JSON object
      // from each slot to a list of [id, version]. kept: 0 where the jobs go a common while after the step, so that
      // entries go in the order of the log; 1 where they go at a time of their own. moved_in: 1 where history had these jobs
      // before the slot came here.
      `CREATE TABLE finished (
        kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
        seq INTEGER NOT NULL,
        purge_at INTEGER NOT NULL,
        moved_in INTEGER NOT NULL DEFAULT 0 CHECK (moved_in = 0 OR kept = 1),
        jobs TEXT NOT NULL,
        PRIMARY KEY (kept, seq)
      ) WITHOUT ROWID`,
      // When jobs with a time of their own are to go. One row for each of their rows.
      "CREATE INDEX finished_purge ON finished (purge_at, moved_in) WHERE kept = 1",
    ],
  },
];
