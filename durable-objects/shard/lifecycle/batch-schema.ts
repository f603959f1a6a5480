import type { Migrations } from "../../migrate.ts";

/** Batches with an idempotency key: what each was answered. 2 rows a batch, and 1 when it is forgotten. */
export const BATCH_MIGRATIONS: Migrations = [
  {
    name: "batches/1-batches",
    statements: [
      // slot: where the key lies, as whoever sends it says. answer: null as long as there is none.
      `CREATE TABLE batches (
        slot INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        key TEXT NOT NULL,
        hash TEXT NOT NULL,
        seed TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        answer TEXT,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (slot, namespace, key)
      ) WITHOUT ROWID`,
      "CREATE INDEX batches_expiry ON batches (expires_at)",
    ],
  },
];
