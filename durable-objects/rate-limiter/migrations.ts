import type { Migrations } from "../migrate.ts";

export const RATE_LIMITER_MIGRATIONS: Migrations = [
  {
    name: "buckets/1-buckets",
    statements: [
      // One row: a JSON object with the saved `tat` of each key, by its id, and of the namespace under "", and when it was saved, epoch ms.
      // 1 row a write: see `ledger.ts`.
      "CREATE TABLE buckets (one INTEGER PRIMARY KEY CHECK (one = 1), saved_at INTEGER NOT NULL, saved TEXT NOT NULL)",
    ],
  },
];
