import type { Migrations } from "../../migrate.ts";

/**
 * Bells that went unanswered: how often in a row, and since when. And who came last for a line of jobs: when bells that went
 * unanswered are heard, and once an hour of those that take work. 1 row a line.
 */
export const BELL_MIGRATIONS: Migrations = [
  {
    name: "bells/1-bells",
    statements: ["CREATE TABLE bells (lane TEXT PRIMARY KEY, unanswered INTEGER NOT NULL) WITHOUT ROWID"],
  },
  {
    name: "bells/2-executors",
    statements: [
      "ALTER TABLE bells ADD COLUMN since INTEGER",
      "ALTER TABLE bells ADD COLUMN version TEXT",
      "ALTER TABLE bells ADD COLUMN visited_at INTEGER",
    ],
  },
];
