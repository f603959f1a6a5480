/** Failed jobs as a set: their kinds, and what can be done with all that match. */
import type { Job } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Unredrivable } from "./job.ts";
import type { QueueRef } from "./queue.ts";

/**
 * Which failed jobs of a queue are meant: those that match every field that is not null. Times are in epoch
 * milliseconds, and the bounds are exclusive.
 */
export interface DeadFilter {
  errorCode: string | null;
  fingerprint: string | null;
  tag: string | null;
  orderingKey: string | null;
  finishedAfter: number | null;
  finishedBefore: number | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

/**
 * A step of a walk over the failed jobs of a queue. Each looks at no more than `limit` jobs, in the order of their
 * ids.
 */
export interface FailedJobsWalk extends QueueRef {
  filter: DeadFilter;
  /** Only jobs with ids above this one are looked at; null begins with the lowest. */
  after: string | null;
  limit: number;
}

/** Puts the failed jobs that match back in line, or only counts them (`dryRun`). */
export interface RedriveRequest extends FailedJobsWalk {
  dryRun: boolean;
  /** The first job runs `firstDelayMs` milliseconds from now, each further one `everyMs` later. Null lets all run now. */
  spacing: { firstDelayMs: number; everyMs: number } | null;
  /** JSON text of a merge patch (RFC 7396) for the payloads; null changes none. */
  patch: string | null;
}

/** What a step of a redrive came to, in numbers of jobs. */
export interface RedriveReply {
  matched: number;
  redriven: number;
  /** Jobs that match and were left as they are, because their payload would have become too large. */
  skipped: number;
  /** The last id that was looked at, to go on behind it; null when none is left. */
  next: string | null;
}

/** Reads the failed jobs that match, and leaves them failed. */
export interface FailedJobsRequest extends FailedJobsWalk {
  /**
   * The queue that the jobs are about to go to. They are kept for it: another redrive passes over them, and this one over those
   * kept for another queue. Null only reads.
   */
  movingTo: string | null;
}

/** The failed jobs that match, whole. They are few enough for one RPC. */
export interface FailedJobsReply {
  jobs: Job[];
  /** As in `RedriveReply`. */
  next: string | null;
}

/** How many failed jobs a step has discarded. */
export interface DiscardReply {
  discarded: number;
  /** As in `RedriveReply`. */
  next: string | null;
}

/** A job as a shard told it. When its version is another by now, it has changed since. */
export interface SeenJob {
  id: string;
  version: number;
}

/** Says what is to become of failed jobs that were read for another queue (`FailedJobsRequest.movingTo`). */
export interface DiscardMovedRequest extends ShardCall {
  namespace: string;
  /** Jobs that the other queue has: each is discarded, unless it has changed since. */
  jobs: SeenJob[];
  /** The ids of jobs that the other queue did not take: they are kept for it no longer. */
  released: string[];
}

/** The failed jobs of one kind that one shard has. Times are in epoch milliseconds. */
export interface FailureGroup {
  fingerprint: string;
  code: string;
  /** The message of the failures with a placeholder for what varies between them. */
  message: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** The id of the job that failed last. */
  sample: string;
}

/** Asks for the kinds of failures of a queue, in the order of their fingerprints. */
export interface FailuresRequest extends QueueRef {
  /** Only fingerprints above this one are told; null begins with the lowest. */
  after: string | null;
}

/** A page of the kinds of failures that a shard has of a queue. */
export interface FailuresReply {
  groups: FailureGroup[];
  /** The last fingerprint that was looked at, to go on behind it; null when none is left. */
  next: string | null;
}

/** A finished job that history alone still has, and how long from now it is to run, in milliseconds. */
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
  /** Of a `move`: the queue for which the jobs are kept, failed as they are (see `FailedJobsRequest`). Null for other actions. */
  movingTo: string | null;
}

/** What became of one revival. */
export type Revived =
  /** The shard has it again, as `job`; null when it was brought back only to be discarded. */
  | { type: "revived"; job: Job | null }
  /** The shard has it, or knows that it is gone: its word stands above history's. */
  | { type: "exists" }
  /** Its payload would have become too large. */
  | { type: "too-large" }
  /** It can never come back: see docs/adr/0006. */
  | { type: "refused"; because: Unredrivable };

/** What became of all revivals, in the order of the request; with any other answer than `revived` nothing was done. */
export type ReviveReply =
  | { type: "revived"; results: Revived[] }
  /** The shard knows newer settings of the queue. The call is to be made again with these. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
