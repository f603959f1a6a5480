/** One queue on one shard. */
import type { JobState } from "../../domain/job.ts";
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
}

export interface PurgeRequest extends QueueRef {
  limit: number;
}

/** `more`: call again. */
export interface PurgeReply {
  cancelled: number;
  more: boolean;
}

export interface RedriveRequest extends QueueRef {
  filter: { errorCode: string | null; tag: string | null; finishedBefore: number | null };
  /** Only ids above this one: a resumable walk in id order. */
  after: string | null;
  limit: number;
  dryRun: boolean;
  /** Milliseconds between two redriven jobs, from `firstAt` on. Null: all now. */
  spacing: { firstDelayMs: number; everyMs: number } | null;
}

export interface RedriveReply {
  matched: number;
  redriven: number;
  /** The last id looked at when more are left, else null. */
  next: string | null;
}

export interface QueueStats {
  counts: Record<JobState, number>;
  /** Succeeded jobs that history does not have yet. */
  unprojectedSucceeded: number;
  oldestQueuedAt: number | null;
  inFlight: number;
  perSecond: { accepted: number; started: number; finished: number };
  /** Accepted to finished, of the last minute's jobs: a sorted sample. */
  latenciesMs: number[];
}
