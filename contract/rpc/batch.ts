/** The idempotency record of a whole batch, kept by the shard that owns its key's slot. */
import type { Moved, ShardCall } from "./call.ts";

/**
 * Begins a batch under an idempotency key, or asks what became of the one that was begun under it. Sent twice, it is
 * answered the same.
 */
export interface OpenBatchRequest extends ShardCall {
  namespace: string;
  key: string;
  slot: number;
  /** The SHA-256 of the canonical JSON of the batch, in hex: another batch under the key is a mismatch. */
  hash: string;
  /**
   * What the ids of the batch's jobs are made of, randomness in it. Of several that are sent under one key the first
   * stands. The shard does not look into it.
   */
  seed: string;
}

/** What the shard has under the key. A record is forgotten a day after it was made. */
export type OpenBatchReply =
  /**
   * The batch is this one. `seed` is the one that stands, `madeAt` when its record was made (epoch ms). `answer` is what the
   * batch was answered, as JSON text; null while that is not known, or when it never will be.
   */
  | { type: "opened"; seed: string; madeAt: number; answer: string | null }
  /** The key was used with another batch. Nothing was written. */
  | { type: "mismatch" }
  | Moved;

/** Notes what a batch was answered, for whoever sends it again. Sent to the owner of the slot of its key. */
export interface CloseBatchRequest extends ShardCall {
  namespace: string;
  key: string;
  slot: number;
  /** JSON text. Null forgets the record, because nothing of the batch was accepted. */
  answer: string | null;
}
