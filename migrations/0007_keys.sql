-- Who made a key, when it was last used; and who did what.

-- The key that made it; null where that was the root key, or an earlier version.
ALTER TABLE api_keys ADD COLUMN parent TEXT;
-- That key, who made it, and so on up: a JSON array of ids, the nearest last. Read with the key, so that a revocation above
-- it can be looked for where this database does not answer.
ALTER TABLE api_keys ADD COLUMN ancestors TEXT NOT NULL DEFAULT '[]';
-- The beginning of the hour, epoch ms. 1 row written an hour, key and isolate at most.
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
-- For revoking what a key has made. 1 row a key that another key made.
CREATE INDEX api_keys_by_parent ON api_keys (parent) WHERE parent IS NOT NULL;

-- Who did what. 2 rows an entry: itself and its index.
CREATE TABLE audit_log (
  id TEXT PRIMARY KEY, -- sorts by time
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  namespace TEXT, -- null: the deployment as a whole
  call TEXT NOT NULL,
  object TEXT,
  address TEXT,
  status INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_log_by_namespace ON audit_log (namespace, id);

CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- INSERT OR REPLACE would delete without a trigger.
CREATE TRIGGER audit_log_adds BEFORE INSERT ON audit_log WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- By this database's own clock; 400 days.
CREATE TRIGGER audit_log_ends BEFORE DELETE ON audit_log WHEN OLD.at > (unixepoch() - 34560000) * 1000
BEGIN
  SELECT RAISE(ABORT, 'the audit log keeps its entries for 400 days');
END;
