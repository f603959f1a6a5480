import type { Migrations } from "../migrate.ts";
import { FLOW_MIGRATIONS } from "./claiming/flow-schema.ts";
import { FORGOTTEN_MIGRATIONS } from "./jobs/forgotten-schema.ts";
import { OPERATION_MIGRATIONS } from "./operations/operation-schema.ts";
import { SCHEDULE_MIGRATIONS } from "./schedules/schedule-schema.ts";
import { SPAWN_MIGRATIONS } from "./spawning/spawn-schema.ts";
import { SUBSCRIPTION_MIGRATIONS } from "./subscriptions/subscription-schema.ts";
import { TRANSACTION_MIGRATIONS } from "./transactions/transaction-schema.ts";

/**
 * A shard's schema. Cloudflare bills rows written, index entries among them, so each index says what it costs.
 * A job without keys: 2 rows at submit (row, ready), 2 at claim (row, due), 1 at report, 1 when it is forgotten.
 */
export const SHARD_MIGRATIONS: Migrations = [
  [
    // slot map, sequence ceiling, history cursor
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",

    `CREATE TABLE queues (
      ref INTEGER PRIMARY KEY,
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      settings TEXT NOT NULL,
      held_until INTEGER NOT NULL DEFAULT 0,
      UNIQUE (namespace, name)
    )`,

    // The long columns come last: SQLite reads no further into a row than the last column it needs.
    `CREATE TABLE jobs (
      id TEXT PRIMARY KEY,
      queue INTEGER NOT NULL,
      partition INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      state TEXT NOT NULL,
      blocked INTEGER NOT NULL,
      held INTEGER NOT NULL DEFAULT 0,
      priority INTEGER NOT NULL,
      ordering_key TEXT,
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
    `CREATE INDEX jobs_ready ON jobs (queue, partition, priority DESC, seq)
      WHERE state = 'queued' AND blocked = 0`,
    // What the clock will act on. One row a scheduled or running job, or one that can expire.
    "CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL",
    // The line behind an ordering key. One row a job with a key.
    `CREATE INDEX jobs_key ON jobs (queue, ordering_key, seq)
      WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')`,
    // Who holds a place under a concurrency limit. One row a start in a limited queue.
    "CREATE INDEX jobs_held ON jobs (queue, partition) WHERE held = 1",
    // What can be redriven. One row a failed or cancelled job.
    "CREATE INDEX jobs_dead ON jobs (queue, id) WHERE state IN ('failed', 'cancelled')",

    `CREATE TABLE idempotency (
      queue INTEGER NOT NULL,
      ordering_key TEXT NOT NULL,
      key TEXT NOT NULL,
      hash TEXT NOT NULL,
      job TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (queue, ordering_key, key)
    ) WITHOUT ROWID`,
    "CREATE INDEX idempotency_expiry ON idempotency (expires_at)",

    // Finished jobs in the order they finished: what history has to copy, and later what may be forgotten.
    // One row a step, however many jobs finished in it; jobs is a JSON array of [id, version].
    `CREATE TABLE finished (
      seq INTEGER PRIMARY KEY,
      purge_at INTEGER NOT NULL,
      jobs TEXT NOT NULL
    )`,
    "CREATE INDEX finished_purge ON finished (purge_at)",

    // Only bells that went unanswered: how often, and when the next is due.
    "CREATE TABLE bells (lane TEXT PRIMARY KEY, unanswered INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID",
  ],
  [
    // When the number of partitions last changed: jobs from before hash to places that no longer go together.
    "ALTER TABLE queues ADD COLUMN partitioned_at INTEGER NOT NULL DEFAULT 0",
  ],
  [
    `CREATE TABLE batches (
      namespace TEXT NOT NULL,
      key TEXT NOT NULL,
      hash TEXT NOT NULL,
      seed TEXT NOT NULL,
      made_at INTEGER NOT NULL,
      answer TEXT,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (namespace, key)
    ) WITHOUT ROWID`,
    "CREATE INDEX batches_expiry ON batches (expires_at)",
  ],
  ...FLOW_MIGRATIONS,
  ...SCHEDULE_MIGRATIONS,
  ...OPERATION_MIGRATIONS,
  ...TRANSACTION_MIGRATIONS,
  ...SUBSCRIPTION_MIGRATIONS,
  ...FORGOTTEN_MIGRATIONS,
  ...SPAWN_MIGRATIONS,
];
