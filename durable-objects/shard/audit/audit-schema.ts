import type { Migrations } from "../../migrate.ts";

/** How far the audit is. At most two rows: the last pass that came to its end, and the one that is under way. */
export const AUDIT_MIGRATIONS: Migrations = [
  {
    name: "audit/1-audit",
    statements: [
      // 1 row when a pass begins or ends, and at most one every ten seconds in between. position is a JSON text that says where it
      // goes on, null when it has ended; violations is a JSON array.
      `CREATE TABLE audit (
        pass INTEGER PRIMARY KEY,
        started_at INTEGER NOT NULL,
        finished_at INTEGER,
        rows INTEGER NOT NULL,
        position TEXT,
        violations TEXT NOT NULL
      )`,
    ],
  },
];
