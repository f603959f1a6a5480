-- History and configuration. Live jobs are in the shards, never here.

CREATE TABLE namespaces (
  name TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  -- Standard Webhooks secrets ("whsec_..."); the previous one signs beside the current for 24 h after a rotation.
  webhook_secret TEXT NOT NULL,
  webhook_previous TEXT,
  webhook_rotated_at INTEGER
) WITHOUT ROWID;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  -- SHA-256 of the whole token, hex. The token itself is shown once and stored nowhere.
  hash TEXT NOT NULL,
  scopes TEXT NOT NULL, -- JSON array
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) WITHOUT ROWID;
CREATE INDEX api_keys_by_namespace ON api_keys (namespace, id);

CREATE TABLE queues (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Grows over deletion and re-creation too: shards keep the highest they have seen.
  version INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  settings TEXT NOT NULL, -- JSON, domain/queue.ts QueueSettings
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;

-- Finished jobs, one row each. Two rows written a job: this one and one index entry.
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

-- How far each shard's finished jobs are in `jobs`. Written in the same batch as the rows.
CREATE TABLE projections (
  shard TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Messages that could not be read, with the reason.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;
