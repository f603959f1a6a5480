-- Services: the truth of their configuration. The object of each has a copy.
CREATE TABLE services (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Grows over deletion and re-creation too: the object keeps the highest it has seen.
  version INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  settings TEXT NOT NULL, -- JSON, domain/service/settings.ts ServiceSettings
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;

-- Which queues send their jobs to a service: it cannot be deleted as long as there is one. A queue with another target has no entry.
CREATE INDEX queues_by_service ON queues (namespace, settings ->> '$.target.service')
  WHERE settings ->> '$.target.service' IS NOT NULL AND NOT deleted;
