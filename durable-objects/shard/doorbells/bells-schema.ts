import type { Migrations } from "../../migrate.ts";

/** Only bells that went unanswered: how often in a row. 1 row a line. */
export const BELL_MIGRATIONS: Migrations = [
  {
    name: "bells/1-bells",
    statements: ["CREATE TABLE bells (lane TEXT PRIMARY KEY, unanswered INTEGER NOT NULL) WITHOUT ROWID"],
  },
];
