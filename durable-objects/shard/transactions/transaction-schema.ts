import type { Migrations } from "../../migrate.ts";

/** The schema of atomic batches over several shards: what this shard has prepared, and what it remembers of decisions. */
export const TRANSACTION_MIGRATIONS: Migrations = [
  [
    // Transactions: phase and at as in domain/two-phase-participant.ts; verdicts is JSON by job id. 2 rows at prepare.
    `CREATE TABLE transactions (
      txn TEXT PRIMARY KEY,
      phase TEXT NOT NULL,
      at INTEGER NOT NULL,
      since INTEGER NOT NULL,
      verdicts TEXT NOT NULL
    ) WITHOUT ROWID`,
    "CREATE INDEX transactions_at ON transactions (at)",

    // Jobs that wait for the decision. They are no jobs yet: whatever reads, counts or claims jobs does not see them.
    // 2 rows a job, and one for each of its keys. forced: it is accepted whatever its keys find by then.
    `CREATE TABLE undecided (
      id TEXT PRIMARY KEY,
      txn TEXT NOT NULL,
      seq INTEGER NOT NULL,
      queue INTEGER NOT NULL,
      line TEXT,
      idempotency_scope TEXT,
      idempotency_key TEXT,
      dedup_scope TEXT,
      dedup_key TEXT,
      forced INTEGER NOT NULL,
      job TEXT NOT NULL
    ) WITHOUT ROWID`,
    "CREATE INDEX undecided_txn ON undecided (txn, seq)",
    "CREATE INDEX undecided_line ON undecided (queue, line, seq) WHERE line IS NOT NULL",
    `CREATE INDEX undecided_idempotency ON undecided (queue, idempotency_scope, idempotency_key)
      WHERE idempotency_key IS NOT NULL`,
    "CREATE INDEX undecided_dedup ON undecided (queue, dedup_scope, dedup_key) WHERE dedup_key IS NOT NULL",
  ],
];
