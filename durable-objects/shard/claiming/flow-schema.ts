import type { Migrations } from "../../migrate.ts";

/**
 * The schema of flow control. The table of jobs is built anew, because SQLite reads a row from its first column to the
 * last it needs: a column added behind the payload would cost the reading of the payload.
 */
export const FLOW_MIGRATIONS: Migrations = [
  [
    `CREATE TABLE jobs_next (
      id TEXT PRIMARY KEY,
      queue INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      rank INTEGER NOT NULL,
      state TEXT NOT NULL,
      blocked INTEGER NOT NULL,
      held INTEGER NOT NULL DEFAULT 0,
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
    `INSERT INTO jobs_next (id, queue, partition, seq, rank, state, blocked, held, priority, ordering_key, due_at, version,
       attempt, spent_before, lease, worker, attempt_at, attempt_ends_at, lease_ends_at, timeout_ms, created_at, run_at,
       started_at, finished_at, expires_at, spec, error, attempts, truncated, result, payload)
     SELECT id, queue, partition, seq, seq - priority * 3600000000, state, blocked, held, priority, ordering_key, due_at,
       version, attempt, spent_before, lease, worker, attempt_at, attempt_ends_at, lease_ends_at, timeout_ms, created_at,
       run_at, started_at, finished_at, expires_at, spec, error, attempts, truncated, result, payload FROM jobs`,
    "DROP TABLE jobs",
    "ALTER TABLE jobs_next RENAME TO jobs",

    // What a claim may take, best first. One row a job that becomes ready.
    "CREATE INDEX jobs_ready ON jobs (queue, partition, rank) WHERE state = 'queued' AND blocked = 0",
    // What the clock will act on. One row a scheduled or running job, or one that can expire.
    "CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL",
    // The line behind an ordering key. One row a job with a key.
    `CREATE INDEX jobs_key ON jobs (queue, ordering_key, seq)
      WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')`,
    // Who holds a place under a concurrency limit. One row a start in a limited queue.
    "CREATE INDEX jobs_held ON jobs (queue, partition) WHERE held = 1",
    // Who stands at the gate of a concurrency key, and who is through it. One row at submit and one at claim.
    `CREATE INDEX jobs_gate ON jobs (queue, concurrency_key, state, blocked, rank)
      WHERE concurrency_key IS NOT NULL AND state IN ('queued', 'running')`,
    // Jobs that wait though no ordering key holds them. One row a job that waits so.
    "CREATE INDEX jobs_shut ON jobs (queue, id) WHERE state = 'queued' AND blocked > 1",
    // What can be redriven. One row a failed or cancelled job.
    "CREATE INDEX jobs_dead ON jobs (queue, id) WHERE state IN ('failed', 'cancelled')",
    // Failures by their kind. One row a failed job.
    "CREATE INDEX jobs_failed ON jobs (queue, fingerprint, finished_at) WHERE state = 'failed'",

    // Starts of the last period in each partition of a queue with a rate: domain/rate.ts, as JSON.
    `CREATE TABLE rates (
      queue INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      log TEXT NOT NULL,
      PRIMARY KEY (queue, partition)
    ) WITHOUT ROWID`,

    // The gate of a concurrency key: its starts, and when the clock has to look at it again.
    `CREATE TABLE gates (
      queue INTEGER NOT NULL,
      key TEXT NOT NULL,
      log TEXT NOT NULL,
      look_at INTEGER,
      PRIMARY KEY (queue, key)
    ) WITHOUT ROWID`,
    "CREATE INDEX gates_look ON gates (look_at) WHERE look_at IS NOT NULL",

    // Deduplication keys: the job that holds a key, and the one that waits for it to end. Windows end at expires_at and
    // next_expires_at; null is never. kept: the window is over, and the row stays until its job has ended.
    `CREATE TABLE dedup (
      queue INTEGER NOT NULL,
      scope TEXT NOT NULL,
      key TEXT NOT NULL,
      job TEXT NOT NULL,
      expires_at INTEGER,
      next TEXT,
      next_expires_at INTEGER,
      kept INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (queue, scope, key)
    ) WITHOUT ROWID`,
    // One row a key whose window ends.
    "CREATE INDEX dedup_expiry ON dedup (expires_at) WHERE expires_at IS NOT NULL AND kept = 0",

    // Ordering keys that stand still: 'blocked' by the failure of a job, or 'paused' by hand.
    `CREATE TABLE parked (
      queue INTEGER NOT NULL,
      key TEXT NOT NULL,
      state TEXT NOT NULL,
      job TEXT,
      since INTEGER NOT NULL,
      PRIMARY KEY (queue, key)
    ) WITHOUT ROWID`,
    "CREATE INDEX parked_since ON parked (queue, state, since DESC, key)",

    // What running jobs say of themselves. Goes with the job.
    `CREATE TABLE progress (
      id TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      percent REAL,
      message TEXT,
      checkpoint TEXT
    ) WITHOUT ROWID`,
  ],
];
