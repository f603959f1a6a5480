import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/**
 * What becomes of a job in history that is not copied: nothing (`skip`), or what history may have of it is taken away (`erase`),
 * because it had ended before. It is decided when the job ends.
 */
export type Uncopied = "skip" | "erase";

export type LoggedJob = [id: string, version: number, uncopied?: Uncopied];

export interface FinishedEntry {
  seq: number;
  /** JSON object from slot to `LoggedJob[]`; see `jobsOf`. */
  jobs: string;
}

/** What a row of the log says of jobs that finished in one step and are to go at one time. */
export interface NewEntry {
  /** False where entries go in the order of the log, true where this one goes at a time of its own. */
  kept: boolean;
  /** Epoch ms. */
  purgeAt: number;
  jobs: ReadonlyMap<number, LoggedJob[]>;
}

/** Entries of the log as rows that are walked over. */
export const EACH_ENTRY = {
  kind: "finished",
  keyOf: ({ seq }) => String(seq),
} as const satisfies Rows<{ seq: number }>;

/** Names a row of the log. */
interface EntryKey {
  kept: 0 | 1;
  seq: number;
}

/** An entry whose time is over. */
export type DueEntry = EntryKey & { purge_at: number };

/** The jobs of an entry as SQL; none where it cannot be read, so that one such entry makes no statement over others throw. */
export const READABLE_JOBS = "iif(json_valid(finished.jobs), finished.jobs, '{}')";

/** Entries read at once while looking for those whose time is over: most of the time few are. */
const LOOKED_AT_ONCE = 20;
/** When so many entries are over time and history has none of them, the log is looked at again after this long. */
const LOOK_AGAIN_MS = 60_000;

/** The log of finished jobs: what history has to copy, and what may be forgotten when. */
function historyLog(sql: Sql) {
  /** Entries without a time of their own whose time is over. Their times ascend: those behind the first that stays are not read. */
  function dueInOrder({ now, projected, limit }: Due): DueEntry[] {
    const due: DueEntry[] = [];
    for (let after = 0; due.length < limit; ) {
      const page = sql.all(
        "SELECT kept, seq, purge_at FROM finished WHERE kept = 0 AND seq <= ? AND seq > ? ORDER BY seq LIMIT +?",
        projected,
        after,
        LOOKED_AT_ONCE,
      ) as unknown as DueEntry[];
      due.push(...page.filter((entry) => entry.purge_at <= now));
      const last = page.at(-1);
      if (last === undefined || page.length < LOOKED_AT_ONCE || last.purge_at > now) break;
      after = last.seq;
    }
    return due;
  }

  function dueByTime({ now, projected, limit }: Due): DueEntry[] {
    return sql.all(
      `SELECT kept, seq, purge_at FROM finished
       WHERE kept = 1 AND purge_at <= ? AND (seq <= ? OR moved_in = 1) ORDER BY purge_at LIMIT +?`,
      now,
      projected,
      limit,
    ) as unknown as DueEntry[];
  }

  return {
    /** 1 row, and another one where the entry has a time of its own. */
    append(seq: number, { kept, purgeAt, jobs }: NewEntry): void {
      sql.run(
        "INSERT INTO finished (kept, seq, purge_at, jobs) VALUES (?, ?, ?, ?)",
        kept ? 1 : 0,
        seq,
        purgeAt,
        JSON.stringify(Object.fromEntries(jobs)),
      );
    },

    /** Whether the entries that go in the order of the log still do, with one that goes at `purgeAt` behind them. */
    keepsOrder(purgeAt: number): boolean {
      const query = "SELECT purge_at FROM finished WHERE kept = 0 ORDER BY seq DESC LIMIT 1";
      return purgeAt >= (sql.all<{ purge_at: number }>(query)[0]?.purge_at ?? 0);
    },

    /** What history has not heard of yet. */
    after(cursor: number, limit: number): FinishedEntry[] {
      return sql.all(
        `SELECT seq, jobs FROM finished WHERE kept = 0 AND seq > ?1
         UNION ALL SELECT seq, jobs FROM finished WHERE kept = 1 AND seq > ?1 AND moved_in = 0
         ORDER BY seq LIMIT +?2`,
        cursor,
        limit,
      ) as unknown as FinishedEntry[];
    },

    /** Entries with numbers from `from` to `to`, both included, at most `limit`: their jobs as `FinishedEntry` has them. */
    between(from: number, to: number, limit: number): { jobs: string }[] {
      return sql.all<{ jobs: string }>(
        `SELECT jobs FROM finished WHERE kept = 0 AND seq >= ?1 AND seq <= ?2
         UNION ALL SELECT jobs FROM finished WHERE kept = 1 AND seq >= ?1 AND seq <= ?2 LIMIT +?3`,
        from,
        to,
        limit,
      );
    },

    /** The entries behind one of them, in the order of their keys, at most `limit`. */
    page({ kept, seq }: { kept: number; seq: number }, limit: number): { kept: number; seq: number; jobs: string }[] {
      return sql.all<{ kept: number; seq: number; jobs: string }>(
        "SELECT kept, seq, jobs FROM finished WHERE (kept, seq) > (?, ?) ORDER BY kept, seq LIMIT +?",
        kept,
        seq,
        limit,
      );
    },

    /** Whether an entry above `cursor` names this version of a job. It is asked where the time of the job's end does not tell. */
    names({ id, slot, version }: { id: string; slot: number; version: number }, cursor: number): boolean {
      const query = `SELECT 1 AS found FROM finished, json_each(${READABLE_JOBS}, '$."' || ?2 || '"') AS entry
        WHERE kept IN (0, 1) AND finished.seq > ?1 AND moved_in = 0 AND entry.value ->> 0 = ?3 AND entry.value ->> 1 = ?4 LIMIT 1`;
      return sql.all(query, cursor, String(slot), id, version).length > 0;
    },

    newest(): number {
      const query = "SELECT seq FROM finished WHERE kept = ? ORDER BY seq DESC LIMIT 1";
      return Math.max(0, ...[0, 1].flatMap((kept) => sql.all<{ seq: number }>(query, kept).map(({ seq }) => seq)));
    },

    /** Entries whose time is over, of those that history has, at most `limit`, the oldest times first. */
    purgeable(due: Due): DueEntry[] {
      const entries = [...dueInOrder(due), ...dueByTime(due)];
      return entries.sort((a, b) => a.purge_at - b.purge_at).slice(0, due.limit);
    },

    /** When the next of the entries that history has is to go, epoch ms, or a time before that at which to look again. */
    nextPurgeAt(projected: number, now: number): number | null {
      const query = "SELECT purge_at FROM finished WHERE kept = 0 AND seq <= ? ORDER BY seq LIMIT 1";
      const inOrder = sql.all<{ purge_at: number }>(query, projected).map((row) => row.purge_at);
      const byTime = nextByTime(sql, projected, now);
      const times = byTime === null ? inOrder : [...inOrder, byTime];
      return times.length === 0 ? null : Math.min(...times);
    },

    /** Removes an entry and returns the jobs that it named. 1 row. */
    take({ kept, seq }: EntryKey): LoggedJob[] {
      const query = "DELETE FROM finished WHERE kept = ? AND seq = ? RETURNING jobs";
      return sql.all<{ jobs: string }>(query, kept, seq).flatMap(({ jobs }) => jobsOf(jobs));
    },
  };
}

/** The entries that go first of those that history has, and when, in the order of their times. Asked while some are set aside. */
export function purgeTimes(sql: Sql, projected: number, limit: number): { key: string; at: number }[] {
  const query = `SELECT CAST(seq AS TEXT) AS key, purge_at AS at FROM (
      SELECT * FROM (SELECT seq, purge_at FROM finished WHERE kept = 0 AND seq <= ?1 ORDER BY seq LIMIT +?2)
      UNION ALL
      SELECT * FROM (SELECT seq, purge_at FROM finished WHERE kept = 1 AND (seq <= ?1 OR moved_in = 1)
        ORDER BY purge_at LIMIT +?2))
    ORDER BY purge_at`;
  return sql.all<{ key: string; at: number }>(query, projected, limit);
}

/** The first few times are looked at: those that history lacks may be very many while it is away. */
function nextByTime(sql: Sql, projected: number, now: number): number | null {
  const firstOnes = (limit: number) =>
    sql.all<{ purge_at: number; known: number }>(
      "SELECT purge_at, seq <= ? OR moved_in = 1 AS known FROM finished WHERE kept = 1 ORDER BY purge_at LIMIT +?",
      projected,
      limit,
    );
  // History mostly has the very first.
  const soonest = firstOnes(1);
  const first = soonest[0]?.known === 0 ? firstOnes(LOOKED_AT_ONCE) : soonest;
  const known = first.find((entry) => entry.known === 1);
  const last = first.at(-1);
  if (known !== undefined || last === undefined) return known?.purge_at ?? null;
  // History has none of them: nothing goes before the last of them does, nor before history has come on.
  return first.length < LOOKED_AT_ONCE ? null : Math.max(last.purge_at, now + LOOK_AGAIN_MS);
}

/** Names a job that history has already: its row goes at `purgeAt` (epoch ms). 2 rows. */
export function appendMoved(sql: Sql, seq: number, moved: { purgeAt: number; slot: number; job: LoggedJob }): void {
  sql.run(
    "INSERT INTO finished (kept, seq, purge_at, moved_in, jobs) VALUES (1, ?, ?, 1, ?)",
    seq,
    moved.purgeAt,
    JSON.stringify({ [moved.slot]: [moved.job] }),
  );
}

interface Due {
  /** Epoch ms. */
  now: number;
  /** History has the entries up to this one. */
  projected: number;
  limit: number;
}

/** The jobs of an entry, slot by slot in ascending order, and in each in the order they finished. Throws where it is none. */
export function jobsOf(entry: string): LoggedJob[] {
  const jobs = Object.values(JSON.parse(entry) as Record<string, LoggedJob[]>).flat();
  if (!jobs.every(Array.isArray)) throw new Error("an entry of the log does not name jobs");
  return jobs;
}

export const HISTORY_LOG = new Part("history log", ({ sql }) => historyLog(sql));
