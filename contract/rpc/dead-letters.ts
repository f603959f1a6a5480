/** Failed jobs as a set: their kinds, and what can be done with all that match. */
import type { Job } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Unredrivable } from "./job.ts";
import type { QueueRef } from "./queue.ts";

/** Which failed jobs. Bounds are exclusive; null or left out is any. */
export interface DeadFilter {
  errorCode: string | null;
  tag: string | null;
  finishedBefore: number | null;
  fingerprint?: string | null;
  finishedAfter?: number | null;
  orderingKey?: string | null;
  createdAfter?: number | null;
  createdBefore?: number | null;
}

/** A step of a walk over the failed jobs of a queue, up by id. */
export interface DeadWalk extends QueueRef {
  filter: DeadFilter;
  /** Only ids above this one. */
  after: string | null;
  limit: number;
}

export interface RedriveRequest extends DeadWalk {
  dryRun: boolean;
  /** Milliseconds between two redriven jobs, from `firstDelayMs` on. Null: all now. */
  spacing: { firstDelayMs: number; everyMs: number } | null;
  /** JSON text of a merge patch (RFC 7396) for the payloads; null or left out changes none. */
  patch?: string | null;
}

export interface RedriveReply {
  matched: number;
  redriven: number;
  /** Matched, and left as they are: their payload would have become too large. */
  skipped: number;
  /** The last id looked at when more are left, else null. */
  next: string | null;
}

export interface DeadJobsRequest extends DeadWalk {
  /**
   * The queue that the jobs are about to go to. They are kept for it: another redrive passes over them, and this one over those
   * kept for another queue. Null or left out only reads.
   */
  movingTo?: string | null;
}

/** Matching failed jobs, whole: few enough for one RPC. */
export interface DeadReply {
  jobs: Job[];
  next: string | null;
}

export interface DiscardReply {
  discarded: number;
  next: string | null;
}

/** Discards these failed jobs, each unless it has changed since. */
export interface BuryRequest extends ShardCall {
  namespace: string;
  jobs: [id: string, version: number][];
  /** Jobs that the other queue did not take: they are kept for it no longer. */
  released?: string[];
}

/** Failed jobs of one kind on one shard. */
export interface FailureGroup {
  fingerprint: string;
  code: string;
  /** Normalised. */
  message: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** The job that failed last. */
  sample: string;
}

export interface FailuresRequest extends QueueRef {
  /** Only fingerprints above this one. */
  after: string | null;
}

export interface FailuresReply {
  groups: FailureGroup[];
  /** The last fingerprint looked at when more are left, else null. */
  next: string | null;
}

/** A finished job that history alone still has, and when it is to run. */
export interface Revival {
  job: Job;
  delayMs: number;
}

/**
 * Brings failed or cancelled jobs back that the shard has forgotten: to run again, or only to be discarded. All are of
 * one queue, whose settings come along because the shard may have forgotten it as well.
 */
export interface ReviveRequest extends ShardCall {
  settings: QueueSettings;
  jobs: Revival[];
  /** As in `RedriveRequest`. */
  patch: string | null;
  action: "redrive" | "discard" | "move";
  /** Of a `move`: the queue for which the jobs are kept, failed as they are. See `DeadJobsRequest`. */
  movingTo?: string;
}

export type Revived =
  | { type: "revived"; job: Job | null }
  /** The shard has it, or knows that it is gone: its word stands above history's. */
  | { type: "held" }
  /** Its payload would have become too large. */
  | { type: "too-large" }
  /** It can never come back: see docs/adr/0006. */
  | { type: "refused"; because: Unredrivable };

export type ReviveReply =
  | { type: "revived"; results: Revived[] }
  /** The shard knows newer settings: ask again with these. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
