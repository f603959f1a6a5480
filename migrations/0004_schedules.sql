-- Schedules: the truth of their configuration. The shard that owns a schedule's place fires it.
CREATE TABLE schedules (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Grows over deletion and re-creation too: shards keep the highest they have seen.
  version INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  queue TEXT NOT NULL,
  settings TEXT NOT NULL, -- JSON, domain/schedule.ts ScheduleSettings
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
