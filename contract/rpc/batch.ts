/** The idempotency record of a whole batch, kept by the shard that owns its key's slot. */
import type { Moved, ShardCall } from "./call.ts";

export interface OpenBatchRequest extends ShardCall {
  namespace: string;
  key: string;
  slot: number;
  /** Of the canonical JSON of the batch. */
  hash: string;
  /** Chance, and what else the ids of the batch's jobs are made of: the one that came first stands. Opaque to the shard. */
  seed: string;
}

export type OpenBatchReply =
  /** `answer` is what the batch was answered, as JSON; null while that is not known, or will never be. */
  | { type: "opened"; seed: string; madeAt: number; answer: string | null }
  /** The key was used with another batch. */
  | { type: "mismatch" }
  | Moved;

export interface CloseBatchRequest extends ShardCall {
  namespace: string;
  key: string;
  slot: number;
  /** Null forgets the record: nothing of the batch was accepted. */
  answer: string | null;
}
