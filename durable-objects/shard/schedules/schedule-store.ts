import type { Fire, FireOutcome, ScheduleSettings } from "../../../domain/schedule.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/** A row of `schedules`; see `schedule-schema.ts`. */
export interface ScheduleRow extends SqlRow, PutSchedule {
  ref: number;
  fires: number;
}

/** Schedules as rows that are walked over. */
export const EACH_SCHEDULE = {
  kind: "schedules",
  keyOf: ({ ref }) => String(ref),
} as const satisfies Rows<{ ref: number }>;

/** What a message of the gateway writes. Times are epoch milliseconds. */
export interface PutSchedule {
  namespace: string;
  name: string;
  version: number;
  queue_version: number;
  runs: 0 | 1;
  /** Of its place; null where it does not run. */
  slot: number | null;
  timing: string | null;
  next_at: number | null;
  due_at: number | null;
  last_at: number | null;
  last_fired_at: number | null;
  last_job: string | null;
}

/** A schedule keeps its last records of fires; older ones go as new ones come. */
export const MAX_FIRES_KEPT = 1000;

const COLUMNS = `ref, namespace, name, version, queue_version, runs, slot, timing, next_at, due_at, last_at, last_fired_at,
  last_job, fires`;

/** Every statement on schedules and their fires, named. */
export function scheduleStore(sql: Sql) {
  return {
    find(namespace: string, name: string): ScheduleRow | null {
      const query = `SELECT ${COLUMNS} FROM schedules WHERE namespace = ? AND name = ?`;
      return sql.all<ScheduleRow>(query, namespace, name)[0] ?? null;
    },

    /** Writes a schedule that is new here, or whose configuration or place has changed. Answers its ref. */
    put(row: PutSchedule): number {
      const [written] = sql.all<{ ref: number }>(
        `INSERT INTO schedules (namespace, name, version, queue_version, runs, slot, timing, next_at, due_at, last_at,
           last_fired_at, last_job)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, queue_version = excluded.queue_version,
           runs = excluded.runs, slot = excluded.slot, timing = excluded.timing, next_at = excluded.next_at, due_at = excluded.due_at,
           last_at = excluded.last_at, last_fired_at = excluded.last_fired_at, last_job = excluded.last_job
         RETURNING ref`,
        row.namespace,
        row.name,
        row.version,
        row.queue_version,
        row.runs,
        row.slot,
        row.timing,
        row.next_at,
        row.due_at,
        row.last_at,
        row.last_fired_at,
        row.last_job,
      );
      if (written === undefined) throw new Error("an upsert returned no row");
      return written.ref;
    },

    /** Writes what a fire changes. */
    save(row: ScheduleRow): void {
      sql.run(
        `UPDATE schedules SET runs = ?, slot = ?, next_at = ?, due_at = ?, last_at = ?, last_fired_at = ?, last_job = ?, fires = ?
         WHERE ref = ?`,
        row.runs,
        row.slot,
        row.next_at,
        row.due_at,
        row.last_at,
        row.last_fired_at,
        row.last_job,
        row.fires,
        row.ref,
      );
    },

    /** Throws when there are none: a schedule that runs here has settings. */
    settings(ref: number): ScheduleSettings {
      const query = "SELECT settings FROM schedule_settings WHERE schedule = ?";
      const text = sql.all<{ settings: string }>(query, ref)[0]?.settings;
      if (text === undefined) throw new Error(`schedule ${ref} runs without settings`);
      return JSON.parse(text) as ScheduleSettings;
    },

    setSettings(ref: number, settings: ScheduleSettings | null): void {
      if (settings === null) {
        sql.run("DELETE FROM schedule_settings WHERE schedule = ?", ref);
        return;
      }
      sql.run("INSERT OR REPLACE INTO schedule_settings VALUES (?, ?)", ref, JSON.stringify(settings));
    },

    /** Those the clock has to look at, the longest due first. */
    due(now: number, limit: number): ScheduleRow[] {
      return sql.all<ScheduleRow>(
        `SELECT ${COLUMNS} FROM schedules INDEXED BY schedules_due WHERE due_at IS NOT NULL AND due_at <= ?
         ORDER BY due_at LIMIT +?`,
        now,
        limit,
      );
    },

    /** The schedules that the clock looks at first, and when. */
    dueTimes(limit: number): { key: string; at: number }[] {
      return sql.all<{ key: string; at: number }>(
        `SELECT CAST(ref AS TEXT) AS key, due_at AS at FROM schedules INDEXED BY schedules_due WHERE due_at IS NOT NULL
         ORDER BY due_at LIMIT +?`,
        limit,
      );
    },

    /** When the clock next has to look at a schedule, epoch milliseconds; null: never. */
    nextDueAt(): number | null {
      const query = "SELECT min(due_at) AS at FROM schedules INDEXED BY schedules_due WHERE due_at IS NOT NULL";
      return sql.all<{ at: number | null }>(query)[0]?.at ?? null;
    },

    /** Adds the schedule's `n`th record, and forgets the one that is one too many. */
    record({ ref, slot }: Pick<ScheduleRow, "ref" | "slot">, n: number, fire: Fire): void {
      const { scheduledAt, firedAt, outcome, reason, jobId, count } = fire;
      sql.run(
        `INSERT INTO fires (schedule, n, slot, scheduled_at, fired_at, outcome, reason, job, count)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ref,
        n,
        slot,
        scheduledAt,
        firedAt,
        outcome,
        reason,
        jobId,
        count,
      );
      sql.run("DELETE FROM fires WHERE schedule = ? AND n <= ?", ref, n - MAX_FIRES_KEPT);
    },

    /** The newest records before `before` (null: of all). */
    fires(ref: number, before: number | null, limit: number): Fire[] {
      return sql
        .all<FireRow>(
          `SELECT scheduled_at, fired_at, outcome, reason, job, count FROM fires
           WHERE schedule = ? AND scheduled_at < ? ORDER BY n DESC LIMIT +?`,
          ref,
          before ?? Number.MAX_SAFE_INTEGER,
          limit,
        )
        .map(toFire);
    },

    /** At most `MAX_FIRES_KEPT` of them. */
    forgetFiresOf(ref: number): void {
      sql.run("DELETE FROM fires WHERE schedule = ?", ref);
    },

    /** Forgets schedules of a namespace with all that is known of them, at most `limit`; answers how many. */
    forgetSome(namespace: string, limit: number): number {
      const query = "SELECT ref FROM schedules WHERE namespace = ? LIMIT +?";
      const rows = sql.all<{ ref: number }>(query, namespace, limit);
      for (const { ref } of rows) {
        sql.run("DELETE FROM fires WHERE schedule = ?", ref);
        sql.run("DELETE FROM schedule_settings WHERE schedule = ?", ref);
        sql.run("DELETE FROM schedules WHERE ref = ?", ref);
      }
      return rows.length;
    },

    /** The oldest instant of which there is a record, epoch milliseconds; null when there is none. */
    oldestFireAt(): number | null {
      const query = "SELECT min(scheduled_at) AS at FROM fires INDEXED BY fires_age";
      return sql.all<{ at: number | null }>(query)[0]?.at ?? null;
    },

    /** Forgets records of instants before `before`, at most `limit`; answers how many. */
    forgetFires(before: number, limit: number): number {
      return sql.all(
        `DELETE FROM fires WHERE (schedule, n) IN
           (SELECT schedule, n FROM fires INDEXED BY fires_age WHERE scheduled_at < ? ORDER BY scheduled_at LIMIT +?)
         RETURNING n`,
        before,
        limit,
      ).length;
    },
  };
}

export const SCHEDULES = new Part("schedules", ({ sql }) => scheduleStore(sql));

interface FireRow extends SqlRow {
  scheduled_at: number;
  fired_at: number | null;
  outcome: FireOutcome;
  reason: string | null;
  job: string | null;
  count: number;
}

function toFire(row: FireRow): Fire {
  const { scheduled_at: scheduledAt, fired_at: firedAt, outcome, reason, job: jobId, count } = row;
  return { scheduledAt, firedAt, outcome, reason, jobId, count };
}
