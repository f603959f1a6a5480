import type { Migrations } from "../migrate.ts";

export const TRANSACTION_OBJECT_MIGRATIONS: Migrations = [
  {
    name: "record/1-record",
    statements: [
      // One row: state is domain/two-phase.ts as JSON, parts the slots of each shard, answer the RunReply once decided.
      `CREATE TABLE record (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        parts TEXT NOT NULL,
        map TEXT NOT NULL,
        answer TEXT,
        over_at INTEGER
      )`,
    ],
  },
];
