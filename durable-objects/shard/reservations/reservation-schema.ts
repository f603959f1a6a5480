import type { Migrations } from "../../migrate.ts";

/** The schema of what atomic batches over several shards reserve here until they are decided. */
export const RESERVATION_MIGRATIONS: Migrations = [
  {
    name: "reservations/1-reservations",
    statements: [
      // Jobs that wait for the decision. They are no jobs yet: whatever reads, counts or claims jobs does not see them.
      // 2 rows a job, and one for each of its keys. forced: it is accepted whatever its keys find by then. verdict: what its
      // submission would have answered, contract/rpc Verdict as JSON. job: NewJob as JSON; null of one that an earlier job
      // has answered for good, which waits for nothing, has no keys here, and is kept for its verdict alone.
      `CREATE TABLE undecided (
        slot INTEGER NOT NULL,
        id TEXT NOT NULL,
        txn TEXT NOT NULL,
        seq INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        line TEXT,
        idempotency_scope TEXT,
        idempotency_key TEXT,
        dedup_scope TEXT,
        dedup_key TEXT,
        forced INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        job TEXT,
        PRIMARY KEY (slot, id)
      ) WITHOUT ROWID`,
      "CREATE INDEX undecided_txn ON undecided (txn, seq)",
      "CREATE INDEX undecided_line ON undecided (queue, line, seq) WHERE line IS NOT NULL",
      `CREATE INDEX undecided_idempotency ON undecided (queue, idempotency_scope, idempotency_key)
        WHERE idempotency_key IS NOT NULL`,
      "CREATE INDEX undecided_dedup ON undecided (queue, dedup_scope, dedup_key) WHERE dedup_key IS NOT NULL",
    ],
  },
];
