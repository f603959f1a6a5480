/** One job: reading, changing, explaining. */

import type { Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import type { Busy, Moved, Quarantined, ShardCall } from "./call.ts";
import type { Submitted } from "./submit.ts";

/** Names one job of a namespace. A job of another namespace is answered as one that does not exist. */
export interface JobRequest extends ShardCall {
  namespace: string;
  id: string;
}

/** Reads one job. */
export interface GetRequest extends JobRequest {
  /** The answer waits until the job is final, so many milliseconds at most. 0 answers at once. */
  waitMs: number;
}

/**
 * `none`: the shard does not have the job, and history may have it. `gone`: the job was deleted, whatever history
 * still says.
 */
export type Absent = { type: "none" } | { type: "gone" };

/**
 * The job as the shard has it, or that the shard does not have it. `busy`: whether there is such a job is about to be
 * decided.
 */
export type JobReply = { type: "job"; job: Job } | Absent | Moved | Busy | Quarantined;

/**
 * Why a failed or cancelled job cannot come back in line: its queue is gone, the partitions of its queue have changed since, a
 * redrive is taking it to another queue, or it was ended without a run because it may not have one (`rejectedAtCommit`); or history
 * alone has it, and not its payload.
 */
export type Unredrivable =
  | "queue-deleted"
  | "repartitioned"
  | "moving"
  | "rejected-at-commit"
  | "payload-not-kept"
  | "namespace-full"
  | "shard-full";

/**
 * The job as it is after the change. `conflict`: its state does not allow the change, or its queue has changed too
 * much for it to come back (`because`); the job is as it was.
 */
export type ChangeReply = JobReply | { type: "conflict"; job: Job; because: Unredrivable | null };

/** What a call changes of a job that waits; what is left out stays. Times are epoch ms. */
export interface JobChanges {
  /** JSON text. */
  payload?: string;
  /** Null: at once. */
  runAt?: number | null;
  priority?: number;
  tags?: string[];
  /** Null: it waits without end. */
  expiresAt?: number | null;
}

/** Makes a scheduled job due. */
export interface RunNowRequest extends JobRequest {
  /** It is meant for one of these versions of the job; null is any. */
  versions: number[] | null;
}

/** Changes a job that is scheduled or queued. */
export interface PatchRequest extends JobRequest {
  changes: JobChanges;
  /** The change is meant for one of these versions of the job; null is any. */
  versions: number[] | null;
}

/**
 * The job as it is after the change. Else it is as it was: `conflict`, its state does not allow a change; `version`, it has
 * another one than the change is meant for; `expired`, it was to expire at a time that has passed; `full`, there is no room for
 * its payload.
 */
export type PatchReply =
  | JobReply
  | { type: "conflict"; job: Job }
  | { type: "version"; version: number }
  | { type: "expired" }
  | Extract<Submitted, { type: "full" }>;

/** Why a job is where it is, each in one word. */
export const EXPLAIN_REASONS = [
  "ready",
  "scheduled",
  "retrying",
  "paused",
  "ordering",
  "concurrency",
  "rate",
  "priority",
  "fairness",
  "connections",
  "service-open",
  "bulkhead",
  "parked",
  "deduplication",
  "no-worker",
  "quarantined",
  "no-executor",
  "deleting",
  "running",
  "final",
] as const;
/** One of `EXPLAIN_REASONS`. */
export type ExplainReason = (typeof EXPLAIN_REASONS)[number];

/** Why a job has not run yet, or no longer will. */
export interface Explanation {
  state: JobState;
  reason: ExplainReason;
  /** The reason in a sentence for people. */
  detail: string;
  /** The id of the job that it waits for; null when it waits for none. */
  blockedBy: string | null;
  /** How many jobs, or turns of other queues, go first; null when that cannot be said. */
  ahead: number | null;
  /** When it is expected to start, epoch ms; null when that cannot be said. */
  estimatedStartAt: number | null;
  /** Since when nobody has come for it, epoch ms; null with other reasons, and from shards of an earlier version. */
  since?: number | null;
}

/** An explanation, or that the shard does not have the job. */
export type ExplainReply = { type: "explained"; explanation: Explanation } | Absent | Moved | Busy | Quarantined;
