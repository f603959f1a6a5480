import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";

/** Names one idempotency key: `scope` is `idempotencyScope` of its jobs' keys, `slot` theirs. */
export interface IdempotencyKey {
  slot: number;
  queue: number;
  scope: string;
  key: string;
}

export interface KeyRecord {
  hash: string;
  job: string;
  expires_at: number;
}

function idempotencyStore(sql: Sql) {
  return {
    find({ slot, queue, scope, key }: IdempotencyKey): KeyRecord | null {
      const row = sql.all<{ hash: string; job: string; expires_at: number }>(
        "SELECT hash, job, expires_at FROM idempotency WHERE slot = ? AND queue = ? AND scope = ? AND key = ?",
        slot,
        queue,
        scope,
        key,
      )[0];
      return row ?? null;
    },

    /** 2 rows. Replaces a record whose window is over. */
    put({ slot, queue, scope, key }: IdempotencyKey, record: KeyRecord): void {
      sql.run(
        `INSERT OR REPLACE INTO idempotency (slot, queue, scope, key, hash, job, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        slot,
        queue,
        scope,
        key,
        record.hash,
        record.job,
        record.expires_at,
      );
    },

    /** Forgets a key that answers with `job`. */
    release({ slot, queue, scope, key }: IdempotencyKey, job: string): void {
      const query = "DELETE FROM idempotency WHERE slot = ? AND queue = ? AND scope = ? AND key = ? AND job = ?";
      sql.run(query, slot, queue, scope, key, job);
    },

    /** Keys of a queue that answer. They lie in the slots of its partitions: their number stays as long as one answers. */
    count(queue: number, slots: number[], now: number): number {
      const row = sql.all<{ n: number }>(
        `SELECT count(*) AS n FROM idempotency
         WHERE slot IN (SELECT value FROM json_each(?)) AND queue = ? AND expires_at > ?`,
        JSON.stringify(slots),
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
        `DELETE FROM idempotency WHERE (slot, queue, scope, key) IN
           (SELECT slot, queue, scope, key FROM idempotency INDEXED BY idempotency_expiry
            WHERE expires_at <= ? ORDER BY expires_at LIMIT +?) RETURNING 1 AS done`,
        now,
        limit,
      ).length;
    },
  };
}

/** Idempotency keys: which job answers for which key, and for how long. */
export const IDEMPOTENCY = new Part("idempotency", ({ sql }) => idempotencyStore(sql));
