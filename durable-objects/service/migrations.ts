import type { Migrations } from "../migrate.ts";

export const SERVICE_MIGRATIONS: Migrations = [
  {
    name: "service/1-service",
    statements: [
      // One row each, written as one. Its settings, until when it is in use, its breaker, and the starts that count under its rate: JSON,
      // each of which is changed by itself.
      "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
      // An instance whose state has ever changed. One row a change; what it does between two changes is in memory alone.
      "CREATE TABLE instances (url TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID",
      // Who has permits, or starts that it has not made, until when (epoch ms). One row when these change, and one when the lease is renewed.
      `CREATE TABLE holders (
        holder TEXT PRIMARY KEY,
        permits INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        lease_until INTEGER NOT NULL
      ) WITHOUT ROWID`,
    ],
  },
];
