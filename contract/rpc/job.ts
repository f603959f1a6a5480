/** One job: reading, changing, explaining. */

import type { Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Told } from "./told.ts";

export interface JobRequest extends ShardCall {
  namespace: string;
  id: string;
}

export interface GetRequest extends JobRequest {
  /** Hold the answer until the job is final, at most this long. */
  waitMs: number;
}

/** The shard does not have the job, history may: or it was deleted, whatever history still says. */
export type Absent = ({ type: "none" } | { type: "gone" }) & Told;

/** Busy: whether there is such a job is about to be decided. */
export type JobReply = ({ type: "job"; job: Job } & Told) | Absent | Moved | Busy;

/**
 * Why a failed or cancelled job cannot come back in line: its queue is gone, the partitions of its queue have changed since, a
 * redrive is taking it to another queue, or it was ended without a run because it may not have one (`mayNeverRun`).
 */
export type Unredrivable = "queue-deleted" | "repartitioned" | "moving" | "unrun";

/** `conflict`: the job's state does not allow it, or its queue has changed too much for it to come back. */
export type ChangeReply = JobReply | ({ type: "conflict"; job: Job; because: Unredrivable | null } & Told);

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
  "parked",
  "deduplication",
  "no-worker",
  "running",
  "final",
] as const;
export type ExplainReason = (typeof EXPLAIN_REASONS)[number];

export interface Explanation {
  state: JobState;
  reason: ExplainReason;
  detail: string;
  blockedBy: string | null;
  ahead: number | null;
  estimatedStartAt: number | null;
}

export type ExplainReply = ({ type: "explained"; explanation: Explanation } & Told) | Absent | Moved | Busy;
