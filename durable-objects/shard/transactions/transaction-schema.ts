import type { Migrations } from "../../migrate.ts";

/** The schema of atomic batches over several shards: what this shard has prepared, and what it remembers of decisions. */
export const TRANSACTION_MIGRATIONS: Migrations = [
  {
    name: "transactions/1-transactions",
    statements: [
      // Transactions: phase and at as in domain/two-phase-participant.ts. Of all slots that they ask this shard for. 2 rows at
      // prepare, and 2 at the decision.
      `CREATE TABLE transactions (
        txn TEXT PRIMARY KEY,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        since INTEGER NOT NULL
      ) WITHOUT ROWID`,
      "CREATE INDEX transactions_at ON transactions (at)",
    ],
  },
];
