import type { Migrations } from "../../migrate.ts";

/** The schema of flow control: what rates and the gates of concurrency keys remember. */
export const FLOW_MIGRATIONS: Migrations = [
  {
    name: "flow/1-limits",
    statements: [
      // Starts of the last period in each partition of a queue with a rate: domain/rate.ts, as JSON. A partition has its
      // slot whatever their number. 1 row a claim and partition.
      `CREATE TABLE rates (
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        log TEXT NOT NULL,
        PRIMARY KEY (slot, queue, partition)
      ) WITHOUT ROWID`,

      // The gate of a concurrency key: its starts, and when the clock has to look at it again. slot is that of the jobs with
      // the key: a queue keeps its number of partitions as long as it has unfinished jobs, or starts that count (`hold`). A
      // row that the clock has not come to by then remembers only what is over: the clock finds it by its time, and deletes it.
      // 2 rows.
      `CREATE TABLE gates (
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        key TEXT NOT NULL,
        log TEXT NOT NULL,
        look_at INTEGER,
        PRIMARY KEY (slot, queue, key)
      ) WITHOUT ROWID`,
      // One row a gate that the clock has to look at.
      "CREATE INDEX gates_look ON gates (look_at) WHERE look_at IS NOT NULL",
    ],
  },
];
