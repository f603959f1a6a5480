-- History. Live jobs are in the shards, never here.

-- Finished jobs, one row each. Two rows written a job: this one and one index entry; three for a failed one.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL,
  queue TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Grows with every change of the job: an older copy never replaces a newer.
  version INTEGER NOT NULL,
  ordering_key TEXT,
  finished_at INTEGER NOT NULL,
  record TEXT NOT NULL,   -- JSON: the domain/job.ts Job without payload, result and attempts
  payload TEXT NOT NULL,  -- JSON text as it was submitted
  result TEXT,            -- JSON text
  attempts TEXT NOT NULL  -- JSON array of domain/job.ts Attempt
) WITHOUT ROWID;
CREATE INDEX jobs_by_queue ON jobs (namespace, queue, id);
-- What a redrive looks for.
CREATE INDEX jobs_failed ON jobs (namespace, queue, id) WHERE state = 'failed';

-- How far each shard's finished jobs are in `jobs`. Written in the same batch as the rows.
CREATE TABLE projections (
  shard TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- By when a shard said what history now has of it: everything that had finished or was deleted there by then is in
  -- `jobs`. Null: not known.
  heard_at INTEGER
) WITHOUT ROWID;

-- Messages that could not be read, with the reason.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
