import type { CloseBatchRequest, OpenBatchReply, OpenBatchRequest } from "../../../contract/rpc.ts";
import type { Sql } from "../../sql.ts";
import type { Turn } from "../turn.ts";

/** How long a batch's idempotency key answers. */
const WINDOW_MS = 24 * 3_600_000;

/** Records a batch's key the first time it is seen. 2 rows. */
export function openBatch(turn: Turn, sql: Sql, request: OpenBatchRequest): Exclude<OpenBatchReply, { type: "moved" }> {
  const { namespace, key, hash, seed } = request;
  const known = sql.all<{ hash: string; seed: string; made_at: number; answer: string | null; expires_at: number }>(
    "SELECT hash, seed, made_at, answer, expires_at FROM batches WHERE namespace = ? AND key = ?",
    namespace,
    key,
  )[0];
  if (known !== undefined && known.expires_at > turn.now) {
    if (known.hash !== hash) return { type: "mismatch" };
    return { type: "opened", seed: known.seed, madeAt: known.made_at, answer: known.answer };
  }
  const expiresAt = turn.now + WINDOW_MS;
  sql.run(
    "INSERT OR REPLACE INTO batches (namespace, key, hash, seed, made_at, answer, expires_at) VALUES (?, ?, ?, ?, ?, NULL, ?)",
    namespace,
    key,
    hash,
    seed,
    turn.now,
    expiresAt,
  );
  turn.wake(expiresAt);
  return { type: "opened", seed, madeAt: turn.now, answer: null };
}

/** Notes what the batch was answered; the first answer stands. */
export function closeBatch(sql: Sql, { namespace, key, answer }: CloseBatchRequest): void {
  if (answer === null)
    sql.run("DELETE FROM batches WHERE namespace = ? AND key = ? AND answer IS NULL", namespace, key);
  else {
    sql.run("UPDATE batches SET answer = ? WHERE namespace = ? AND key = ? AND answer IS NULL", answer, namespace, key);
  }
}

/** Forgets at most `limit` records whose time is over. Returns how many. */
export function sweepBatches(sql: Sql, now: number, limit: number): number {
  return sql.all(
    `DELETE FROM batches WHERE (namespace, key) IN
       (SELECT namespace, key FROM batches INDEXED BY batches_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT +?)
     RETURNING 1 AS done`,
    now,
    limit,
  ).length;
}

export function nextBatchExpiryAt(sql: Sql): number | null {
  return sql.all<{ at: number | null }>("SELECT min(expires_at) AS at FROM batches")[0]?.at ?? null;
}
