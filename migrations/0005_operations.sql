-- Bulk operations. The shards walk their own jobs; what history alone has is walked from here, and this row says how far.
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  namespace TEXT NOT NULL,
  request TEXT NOT NULL, -- JSON, canonical: the body as it was sent
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- The walk over history: "queue/id" of the last job looked at, null when it is over. Its own counts.
  after TEXT,
  scanned INTEGER NOT NULL DEFAULT 0,
  matched INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX operations_by_namespace ON operations (namespace, created_at, id);
CREATE INDEX operations_open ON operations (created_at) WHERE finished_at IS NULL;
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;
