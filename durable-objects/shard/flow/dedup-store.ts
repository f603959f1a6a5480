import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/** Names one deduplication key: `scope` is `dedupScope` of its jobs, `slot` theirs. */
export interface DedupKey {
  slot: number;
  queue: number;
  scope: string;
  key: string;
}

/** Keys as rows that are walked over. */
export const EACH_DEDUP_KEY = {
  kind: "dedup",
  keyOf: ({ slot, queue, scope, key }) => JSON.stringify([slot, queue, scope, key]),
} as const satisfies Rows<DedupKey>;

/** Who holds a key. Times are when a window ends, null: never. */
export interface DedupRow extends SqlRow {
  job: string;
  expires_at: number | null;
  /** The job that runs after `job`: it waits, and `job` has not ended. */
  next: string | null;
  next_expires_at: number | null;
  /** 1: the window is over, and the row stays until `job` has ended. */
  kept: number;
}

const BY_KEY = "slot = ? AND queue = ? AND scope = ? AND key = ?";

/** Deduplication keys: the rows behind `contract/dedup.ts`. An index entry more where a window ends. */
function dedupStore(sql: Sql) {
  const change = (set: string, { slot, queue, scope, key }: DedupKey, ...values: (string | number | null)[]) =>
    sql.run(`UPDATE dedup SET ${set} WHERE ${BY_KEY}`, ...values, slot, queue, scope, key);
  return {
    find({ slot, queue, scope, key }: DedupKey): DedupRow | null {
      const columns = "job, expires_at, next, next_expires_at, kept";
      return sql.all<DedupRow>(`SELECT ${columns} FROM dedup WHERE ${BY_KEY}`, slot, queue, scope, key)[0] ?? null;
    },

    /** A new holder, which nothing waits for. 2 rows. */
    hold({ slot, queue, scope, key }: DedupKey, job: string, expiresAt: number | null): void {
      sql.run(
        "INSERT OR REPLACE INTO dedup (slot, queue, scope, key, job, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        slot,
        queue,
        scope,
        key,
        job,
        expiresAt,
      );
    },

    /** The job that runs after the holder, or null: nobody does any more. 1 row. */
    setNext(of: DedupKey, next: string | null, expiresAt: number | null): void {
      change("next = ?, next_expires_at = ?", of, next, expiresAt);
    },

    /** The window is over, and the holder has not ended. 1 row. */
    keep(of: DedupKey): void {
      change("kept = 1", of);
    },

    /** Forgets a key that `job` owns. */
    release({ slot, queue, scope, key }: DedupKey, job: string): void {
      sql.run(`DELETE FROM dedup WHERE ${BY_KEY} AND job = ?`, slot, queue, scope, key, job);
    },

    remove({ slot, queue, scope, key }: DedupKey): void {
      sql.run(`DELETE FROM dedup WHERE ${BY_KEY}`, slot, queue, scope, key);
    },

    /**
     * Keys of a queue that a job was accepted with and that may still answer. They lie in the slots of its partitions: their
     * number stays as long as there are any.
     */
    count(queue: number, slots: number[], now: number): number {
      const row = sql.all<{ n: number }>(
        `SELECT count(*) AS n FROM dedup WHERE slot IN (SELECT value FROM json_each(?)) AND queue = ?
           AND (expires_at IS NULL OR expires_at > ? OR kept = 1)`,
        JSON.stringify(slots),
        queue,
        now,
      )[0];
      return row?.n ?? 0;
    },

    nextExpiryAt(): number | null {
      const query = "SELECT min(expires_at) AS at FROM dedup WHERE expires_at IS NOT NULL AND kept = 0";
      return sql.all<{ at: number | null }>(query)[0]?.at ?? null;
    },

    /** The keys whose windows end first, and when. */
    expiryTimes(limit: number): { key: string; at: number }[] {
      const query = `SELECT slot, queue, scope, key, expires_at FROM dedup INDEXED BY dedup_expiry
        WHERE expires_at IS NOT NULL AND kept = 0 ORDER BY expires_at LIMIT +?`;
      const rows = sql.all<SqlRow & DedupKey & { expires_at: number }>(query, limit);
      return rows.map((row) => ({ key: EACH_DEDUP_KEY.keyOf(row), at: row.expires_at }));
    },

    /** Keys whose window is over; `live` tells whether their job has not ended. */
    expired(now: number, limit: number): (DedupKey & { live: boolean })[] {
      const rows = sql.all<SqlRow & DedupKey & { live: number }>(
        `SELECT slot, queue, scope, key,
           EXISTS (SELECT 1 FROM jobs WHERE id = job AND state IN ('scheduled', 'queued', 'running')) AS live
         FROM dedup INDEXED BY dedup_expiry
         WHERE expires_at IS NOT NULL AND kept = 0 AND expires_at <= ? ORDER BY expires_at LIMIT +?`,
        now,
        limit,
      );
      return rows.map((row) => ({ ...row, live: row.live === 1 }));
    },
  };
}

export const DEDUP = new Part("deduplication keys", ({ sql }) => dedupStore(sql));
