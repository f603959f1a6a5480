import type { CloseBatchRequest, OpenBatchReply, OpenBatchRequest } from "../../../contract/rpc.ts";
import type { Sql } from "../../sql.ts";
import type { Step } from "../kernel/step.ts";

/** How long a batch's idempotency key answers. */
const WINDOW_MS = 24 * 3_600_000;

/** Records a batch's key the first time it is seen. 2 rows. */
export function openBatch(step: Step, request: OpenBatchRequest): Exclude<OpenBatchReply, { type: "moved" }> {
  const { slot, namespace, key, hash, seed } = request;
  const { sql } = step;
  const known = sql.all<{ hash: string; seed: string; made_at: number; answer: string | null; expires_at: number }>(
    "SELECT hash, seed, made_at, answer, expires_at FROM batches WHERE slot = ? AND namespace = ? AND key = ?",
    slot,
    namespace,
    key,
  )[0];
  if (known !== undefined && known.expires_at > step.now) {
    if (known.hash !== hash) return { type: "mismatch" };
    return { type: "opened", seed: known.seed, madeAt: known.made_at, answer: known.answer };
  }
  const expiresAt = step.now + WINDOW_MS;
  sql.run(
    `INSERT OR REPLACE INTO batches (slot, namespace, key, hash, seed, made_at, answer, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, NULL, ?)`,
    slot,
    namespace,
    key,
    hash,
    seed,
    step.now,
    expiresAt,
  );
  step.wakeAt(expiresAt);
  return { type: "opened", seed, madeAt: step.now, answer: null };
}

/** Notes what the batch was answered; the first answer stands. */
export function closeBatch({ sql }: Step, { slot, namespace, key, answer }: CloseBatchRequest): null {
  const open = "slot = ? AND namespace = ? AND key = ? AND answer IS NULL";
  if (answer === null) sql.run(`DELETE FROM batches WHERE ${open}`, slot, namespace, key);
  else sql.run(`UPDATE batches SET answer = ? WHERE ${open}`, answer, slot, namespace, key);
  return null;
}

/** Forgets at most `limit` records whose time is over. Returns how many. */
export function sweepBatches(sql: Sql, now: number, limit: number): number {
  return sql.all(
    `DELETE FROM batches WHERE (slot, namespace, key) IN
       (SELECT slot, namespace, key FROM batches INDEXED BY batches_expiry
        WHERE expires_at <= ? ORDER BY expires_at LIMIT +?)
     RETURNING 1 AS done`,
    now,
    limit,
  ).length;
}

export function nextBatchExpiryAt(sql: Sql): number | null {
  return sql.all<{ at: number | null }>("SELECT min(expires_at) AS at FROM batches")[0]?.at ?? null;
}
