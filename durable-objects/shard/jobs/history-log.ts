import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";

export interface FinishedEntry {
  seq: number;
  slot: number;
  /** JSON array of [id, version]. */
  jobs: string;
}

/** What a row of the log says of the jobs of one slot that finished in one step. */
export interface NewEntry {
  slot: number;
  /** Epoch ms. */
  purgeAt: number;
  jobs: [id: string, version: number][];
}

/** The log of finished jobs: what history has to copy, and what may be forgotten when. */
function historyLog(sql: Sql) {
  return {
    /** 2 rows, however many jobs. */
    append(seq: number, { slot, purgeAt, jobs }: NewEntry): void {
      sql.run(
        "INSERT INTO finished (seq, slot, purge_at, jobs) VALUES (?, ?, ?, ?)",
        seq,
        slot,
        purgeAt,
        JSON.stringify(jobs),
      );
    },

    /** What history has not heard of yet. */
    after(cursor: number, limit: number): FinishedEntry[] {
      return sql.all(
        "SELECT seq, slot, jobs FROM finished WHERE seq > ? AND moved_in = 0 ORDER BY seq LIMIT +?",
        cursor,
        limit,
      ) as unknown as FinishedEntry[];
    },

    newest(): number {
      return sql.all<{ seq: number | null }>("SELECT max(seq) AS seq FROM finished")[0]?.seq ?? 0;
    },

    /** Entries whose time is over, of those that history has; `n` is how many jobs each names. */
    purgeable(now: number, projected: number, limit: number): (FinishedEntry & { n: number })[] {
      return sql.all(
        `SELECT seq, slot, jobs, json_array_length(jobs) AS n
         FROM finished WHERE purge_at <= ? AND (seq <= ? OR moved_in = 1) ORDER BY purge_at LIMIT +?`,
        now,
        projected,
        limit,
      ) as unknown as (FinishedEntry & { n: number })[];
    },

    nextPurgeAt(projected: number): number | null {
      const row = sql.all<{ purge_at: number }>(
        "SELECT purge_at FROM finished WHERE seq <= ? OR moved_in = 1 ORDER BY purge_at LIMIT 1",
        projected,
      )[0];
      return row?.purge_at ?? null;
    },

    remove(seq: number): void {
      sql.run("DELETE FROM finished WHERE seq = ?", seq);
    },
  };
}

export const HISTORY_LOG = new Part("history log", ({ sql }) => historyLog(sql));
