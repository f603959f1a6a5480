import type { Migrations } from "../../migrate.ts";

/** The schema of schedules. A fire writes 4 rows (the schedule, its due time, the record, its age) beside those of its job. */
export const SCHEDULE_MIGRATIONS: Migrations = [
  {
    name: "schedules/1-schedules",
    statements: [
      // Every schedule this shard was told of. `runs` is 1 where it runs here; the others keep how new the last word was, so
      // that an older one that comes late starts nothing, and how far the schedule was when it left.
      // slot: of its place (domain/schedule.ts placeOf) where it runs here, else null.
      // next_at: the first instant not dealt with, by `timing`. due_at: when the clock looks at it. fires: records made so far.
      `CREATE TABLE schedules (
        ref INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        queue_version INTEGER NOT NULL,
        runs INTEGER NOT NULL,
        slot INTEGER,
        timing TEXT,
        next_at INTEGER,
        due_at INTEGER,
        last_at INTEGER,
        last_fired_at INTEGER,
        last_job TEXT,
        fires INTEGER NOT NULL DEFAULT 0,
        UNIQUE (namespace, name)
      )`,
      "CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL",

      // domain/schedule.ts ScheduleSettings, as JSON. Apart, because a fire writes the schedule's row and the payload is long.
      "CREATE TABLE schedule_settings (schedule INTEGER PRIMARY KEY, settings TEXT NOT NULL)",

      // slot: of the schedule's place when it fired.
      `CREATE TABLE fires (
        schedule INTEGER NOT NULL,
        n INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        scheduled_at INTEGER NOT NULL,
        fired_at INTEGER,
        outcome TEXT NOT NULL,
        reason TEXT,
        job TEXT,
        count INTEGER NOT NULL,
        PRIMARY KEY (schedule, n)
      ) WITHOUT ROWID`,
      "CREATE INDEX fires_age ON fires (scheduled_at)",
    ],
  },
];
