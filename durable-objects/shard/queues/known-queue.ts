import type { QueueSettings } from "../../../domain/queue.ts";

/** A queue as this shard knows it. `ref` is what its rows carry. */
export interface KnownQueue {
  ref: number;
  settings: QueueSettings;
  /** New jobs are refused until then, epoch milliseconds: a change of the queue is being decided. */
  frozenUntil: number;
  /** When its number of partitions last changed here, epoch milliseconds; 0 when it never did. */
  partitionedAt: number;
}
