import type { Migrations } from "../../migrate.ts";

/**
 * The schema of jobs. `slot` is the one in the id, which is that of the queue's partition; it is the last column of the
 * indexes that are walked whatever slot a job lies in, so that a walker need not read rows which it is to leave alone.
 *
 * The long columns come last, and those that a change writes before them: SQLite reads a row from its
 * first column to the last it needs.
 */
export const JOB_MIGRATIONS: Migrations = [
  {
    name: "jobs/1-jobs",
    statements: [
      `CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        queue INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        state TEXT NOT NULL,
        blocked INTEGER NOT NULL,
        counts_toward_limit INTEGER NOT NULL DEFAULT 0,
        priority INTEGER NOT NULL,
        ordering_key TEXT,
        concurrency_key TEXT,
        dedup_key TEXT,
        fingerprint TEXT,
        due_at INTEGER,
        version INTEGER NOT NULL DEFAULT 1,
        attempt INTEGER NOT NULL DEFAULT 0,
        spent_before INTEGER NOT NULL DEFAULT 0,
        lease TEXT,
        worker TEXT,
        attempt_at INTEGER,
        attempt_ends_at INTEGER,
        lease_ends_at INTEGER,
        timeout_ms INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        run_at INTEGER NOT NULL,
        started_at INTEGER,
        finished_at INTEGER,
        expires_at INTEGER,
        spec TEXT NOT NULL,
        error TEXT,
        attempts TEXT NOT NULL DEFAULT '[]',
        truncated INTEGER NOT NULL DEFAULT 0,
        result TEXT,
        payload TEXT NOT NULL
      ) WITHOUT ROWID`,

      // What a claim may take, best first. One row a job that becomes ready.
      "CREATE INDEX jobs_ready ON jobs (queue, partition, rank) WHERE state = 'queued' AND blocked = 0",
      // What the clock will act on. One row a scheduled or running job, or one that can expire.
      "CREATE INDEX jobs_due ON jobs (due_at, slot) WHERE due_at IS NOT NULL",
      // The line behind an ordering key. One row a job with a key.
      `CREATE INDEX jobs_key ON jobs (queue, ordering_key, seq)
        WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')`,
      // Who holds a place under a concurrency limit. One row a start in a limited queue.
      "CREATE INDEX jobs_counted ON jobs (queue, partition) WHERE counts_toward_limit = 1",
      // Who stands at the gate of a concurrency key, and who is through it. One row at submit and one at claim.
      `CREATE INDEX jobs_gate ON jobs (queue, concurrency_key, state, blocked, rank)
        WHERE concurrency_key IS NOT NULL AND state IN ('queued', 'running')`,
      // Jobs that wait though no ordering key holds them. One row a job that waits so.
      "CREATE INDEX jobs_blocked ON jobs (queue, id) WHERE state = 'queued' AND blocked > 1",
      // What can be redriven. One row a failed or cancelled job.
      "CREATE INDEX jobs_dead ON jobs (queue, id, slot) WHERE state IN ('failed', 'cancelled')",
      // Failures by their kind. One row a failed job.
      "CREATE INDEX jobs_failed ON jobs (queue, fingerprint, finished_at, slot) WHERE state = 'failed'",
    ],
  },
  {
    name: "jobs/2-jobs-by-queue",
    statements: [
      // The jobs of a queue in the order of their ids, whatever their state: what lists and operations walk, so that they read
      // nothing of another queue. One row a job at submit; it never changes, and goes with the job.
      "CREATE INDEX jobs_by_queue ON jobs (queue, id)",
    ],
  },
  {
    name: "jobs/3-jobs-discarded",
    statements: [
      // Tombstones, which a list of failed or cancelled jobs has to know of. One row a deleted job.
      "CREATE INDEX jobs_discarded ON jobs (queue, id) WHERE state = 'discarded'",
    ],
  },
  {
    name: "jobs/4-deliveries",
    statements: [
      // They stand behind the payload, but what most jobs have of them is told by the header of the row, which comes first: the
      // numbers 0 and 1, and null, take no byte. No row is written. A job that runs as they come spends its attempt as ever.
      "ALTER TABLE jobs ADD COLUMN returned INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE jobs ADD COLUMN begun INTEGER NOT NULL DEFAULT 1",
      "ALTER TABLE jobs ADD COLUMN returns TEXT",
    ],
  },
];
