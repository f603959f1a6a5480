-- Queues: the truth of their configuration. Every shard has a copy.
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
