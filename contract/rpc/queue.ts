/** One queue on one shard. */
import type { JobState } from "../../domain/job/state.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { ShardCall } from "./call.ts";

export interface QueueRef extends ShardCall {
  namespace: string;
  queue: string;
}

export interface ConfigureRequest extends ShardCall {
  queues: QueueSettings[];
}

/** Refuses new jobs of the queue until `holdMs` from now or the next settings, and says what it holds. */
export interface HoldRequest extends QueueRef {
  holdMs: number;
}

export interface HoldReply {
  live: number;
  idempotencyKeys: number;
  /** Left out by a shard of an earlier version, which has none. */
  dedupKeys?: number;
  /** Ordering keys that stand still. Left out by a shard of an earlier version, which has none. */
  parkedKeys?: number;
  /** Until when starts of a rate count, epoch ms; null: none does. Left out by a shard of an earlier version. */
  startsCountUntil?: number | null;
}

export interface PurgeRequest extends QueueRef {
  limit: number;
}

/** `more`: call again. */
export interface PurgeReply {
  cancelled: number;
  more: boolean;
}

export interface QueueStats {
  counts: Record<JobState, number>;
  /** Succeeded jobs that history does not have yet. */
  unprojectedSucceeded: number;
  oldestQueuedAt: number | null;
  inFlight: number;
  /** Ordering keys that stand still. Left out by a shard of an earlier version, which has none. */
  parkedKeys?: number;
  perSecond: { accepted: number; started: number; finished: number };
  /** Accepted to finished, of the last minute's jobs: a sorted sample. */
  latenciesMs: number[];
}
