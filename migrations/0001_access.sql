-- Who may call, and with what webhooks are signed.

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
