-- What each namespace may have, and the deletion of namespaces.

ALTER TABLE namespaces ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
-- JSON: those of domain/namespace.ts NamespaceLimits that were set. What is not set has its default.
ALTER TABLE namespaces ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE namespaces ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
-- When its deletion began. The row goes when nothing of the namespace is left anywhere.
ALTER TABLE namespaces ADD COLUMN deleting_at INTEGER;
ALTER TABLE namespaces ADD COLUMN jobs_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE namespaces ADD COLUMN history_deleted INTEGER NOT NULL DEFAULT 0;
-- Since when nothing was found any more. Null: something was, a moment ago.
ALTER TABLE namespaces ADD COLUMN quiet_since INTEGER;
CREATE INDEX namespaces_deleting ON namespaces (deleting_at) WHERE deleting_at IS NOT NULL;
-- A page of namespaces, the newest first, reads that page.
CREATE INDEX namespaces_by_age ON namespaces (created_at DESC, name);
