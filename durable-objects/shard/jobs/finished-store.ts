import type { Sql } from "../../sql.ts";

export interface FinishedEntry {
  seq: number;
  /** JSON array of [id, version]. */
  jobs: string;
}

/** The log of finished jobs, and idempotency keys: what outlives a job's work, and for how long. */
export function finishedStore(sql: Sql) {
  return {
    /** 2 rows a step, however many jobs. */
    append(seq: number, purgeAt: number, jobs: [id: string, version: number][]): void {
      sql.run("INSERT INTO finished (seq, purge_at, jobs) VALUES (?, ?, ?)", seq, purgeAt, JSON.stringify(jobs));
    },

    after(cursor: number, limit: number): FinishedEntry[] {
      return sql.all(
        "SELECT seq, jobs FROM finished WHERE seq > ? ORDER BY seq LIMIT +?",
        cursor,
        limit,
      ) as unknown as FinishedEntry[];
    },

    newest(): number {
      return sql.all<{ seq: number | null }>("SELECT max(seq) AS seq FROM finished")[0]?.seq ?? 0;
    },

    /** Entries whose time is over, of those that history has. */
    purgeable(now: number, projected: number, limit: number): FinishedEntry[] {
      return sql.all(
        "SELECT seq, jobs FROM finished WHERE purge_at <= ? AND seq <= ? ORDER BY purge_at LIMIT +?",
        now,
        projected,
        limit,
      ) as unknown as FinishedEntry[];
    },

    nextPurgeAt(projected: number): number | null {
      const row = sql.all<{ purge_at: number }>(
        "SELECT purge_at FROM finished WHERE seq <= ? ORDER BY purge_at LIMIT 1",
        projected,
      )[0];
      return row?.purge_at ?? null;
    },

    remove(seq: number): void {
      sql.run("DELETE FROM finished WHERE seq = ?", seq);
    },
  };
}

export interface KeyRecord {
  hash: string;
  job: string;
  expires_at: number;
}

export function idempotencyStore(sql: Sql) {
  return {
    /** `scope` is `idempotencyScope` of the job's keys, here and below. */
    find(queue: number, scope: string, key: string): KeyRecord | null {
      const row = sql.all<{ hash: string; job: string; expires_at: number }>(
        "SELECT hash, job, expires_at FROM idempotency WHERE queue = ? AND ordering_key = ? AND key = ?",
        queue,
        scope,
        key,
      )[0];
      return row ?? null;
    },

    /** 2 rows. Replaces a record whose window is over. */
    put(queue: number, scope: string, key: string, record: KeyRecord): void {
      sql.run(
        "INSERT OR REPLACE INTO idempotency (queue, ordering_key, key, hash, job, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        queue,
        scope,
        key,
        record.hash,
        record.job,
        record.expires_at,
      );
    },

    count(queue: number, now: number): number {
      const row = sql.all<{ n: number }>(
        "SELECT count(*) AS n FROM idempotency WHERE queue = ? AND expires_at > ?",
        queue,
        now,
      )[0];
      return row?.n ?? 0;
    },

    nextExpiryAt(): number | null {
      return sql.all<{ at: number | null }>("SELECT min(expires_at) AS at FROM idempotency")[0]?.at ?? null;
    },

    /** Forgets at most `limit` keys whose window is over. Returns how many. */
    sweep(now: number, limit: number): number {
      return sql.all(
        `DELETE FROM idempotency WHERE (queue, ordering_key, key) IN
           (SELECT queue, ordering_key, key FROM idempotency INDEXED BY idempotency_expiry
            WHERE expires_at <= ? ORDER BY expires_at LIMIT +?) RETURNING 1 AS done`,
        now,
        limit,
      ).length;
    },
  };
}
