/** One queue on one shard. */
import type { JobState } from "../../domain/job/state.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { ShardCall } from "./call.ts";

/** Names one queue of a namespace, by which it is asked of every shard. */
export interface QueueRef extends ShardCall {
  namespace: string;
  queue: string;
}

/**
 * Tells a shard the settings of queues. Of two settings of a queue it keeps those of the higher version, deleted ones
 * too.
 */
export interface ConfigureRequest extends ShardCall {
  queues: QueueSettings[];
}

/**
 * Freezes a queue for a change: new jobs of it are answered `busy` until `holdMs` milliseconds from now, or until the
 * next settings come. Answers what the shard has of the queue.
 */
export interface HoldRequest extends QueueRef {
  holdMs: number;
}

/** What a shard has of a queue that is frozen for a change, as far as it stands in the way of one. */
export interface HoldReply {
  /** Unfinished jobs. */
  live: number;
  /** Keys that still answer with their jobs. */
  idempotencyKeys: number;
  dedupKeys: number;
  /** Parked ordering keys. */
  parkedKeys: number;
  /** Until when starts count under a rate, epoch ms; null when none does. */
  startsCountUntil: number | null;
}

/** Cancels jobs of a queue that have not started, at most `limit` of them. */
export interface PurgeRequest extends QueueRef {
  limit: number;
  /** Where an earlier call has come to with the scheduled jobs: its `next`. Left out or null: at the beginning. */
  after?: string | null;
}

/** How many jobs were cancelled, and whether the call is to be made again for more. */
export interface PurgeReply {
  cancelled: number;
  more: boolean;
  /** The call's `after` when it is made again. */
  next?: string | null;
}

/** What one shard has of a queue. Times are in epoch milliseconds. */
export interface QueueStats {
  counts: Record<JobState, number>;
  /** Succeeded jobs that history does not have yet. */
  unprojectedSucceeded: number;
  /** When the job was accepted that has been ready for longest; null when none is ready. */
  oldestQueuedAt: number | null;
  /** Jobs that run. */
  inFlight: number;
  /** Parked ordering keys. */
  parkedKeys: number;
  /** Over the last minute. */
  perSecond: { accepted: number; started: number; finished: number };
  /** A sorted sample of how long jobs that finished in the last minute took from their acceptance to their end. */
  latenciesMs: number[];
}
