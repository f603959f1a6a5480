-- Subscriptions: the truth of their configuration. Every shard has a copy, and delivers its own jobs' events.
CREATE TABLE subscriptions (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Grows over deletion and re-creation too: shards keep the highest they have seen.
  version INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  settings TEXT NOT NULL, -- JSON, domain/subscription.ts SubscriptionSettings
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
