import type { Migrations } from "../../migrate.ts";

/** The schema of spawned jobs: those on their way out, how far those have come that came in, and those that were refused. */
export const OUTBOX_MIGRATIONS: Migrations = [
  {
    name: "outbox/1-outbox",
    statements: [
      // Jobs that successes here brought with them, for slots of other shards. slot is theirs, parent_slot that of the job
      // whose success brought them; seq grows for ever; job is NewJob as JSON.
      // 1 row a job, and 1 when it has arrived.
      `CREATE TABLE spawn_outbox (
        slot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        parent_slot INTEGER NOT NULL,
        id TEXT NOT NULL,
        queue INTEGER NOT NULL,
        job TEXT NOT NULL,
        PRIMARY KEY (slot, seq)
      ) WITHOUT ROWID`,

      // The last job that was taken from the outbox of another shard, for each slot. It goes with the slot when that moves:
      // what was taken once is never taken again, even when its job is long forgotten. 1 row a slot and delivery.
      `CREATE TABLE spawn_inbox (
        slot INTEGER NOT NULL,
        source TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (slot, source)
      ) WITHOUT ROWID`,

      // Jobs that were refused for good, until the queue of dead letters has them. letter is contract/spawn-letter.ts, as JSON.
      "CREATE TABLE spawn_letters (id TEXT PRIMARY KEY, letter TEXT NOT NULL) WITHOUT ROWID",
    ],
  },
];
