import type { Migrations } from "../../migrate.ts";

/** What running jobs say of themselves. Goes with the job. 1 row for each that says anything. */
export const PROGRESS_MIGRATIONS: Migrations = [
  {
    name: "progress/1-progress",
    statements: [
      `CREATE TABLE progress (
        slot INTEGER NOT NULL,
        id TEXT NOT NULL,
        at INTEGER NOT NULL,
        percent REAL,
        message TEXT,
        checkpoint TEXT,
        PRIMARY KEY (slot, id)
      ) WITHOUT ROWID`,
    ],
  },
];
