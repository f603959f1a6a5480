/** Claiming, reporting and extending. */
import type { Job, JobError } from "../../domain/job/job.ts";
import type { Lane, PushTarget, PushType, QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { SpawnJob, Unfit } from "./spawn.ts";
import type { Told } from "./told.ts";

export type Outcome =
  /** `spawn`: jobs that are accepted with the success, in the same step, or not at all. */
  | { ok: true; result: string | null; resultTruncated: boolean; spawn?: SpawnJob[] }
  | { ok: false; error: JobError; retryAfterMs: number | null };

export interface Report {
  lease: string;
  outcome: Outcome;
  /** What the worker said last and no answer has confirmed. It matters where the outcome is a failure. */
  said?: Said;
}

/** What a worker says of a job while it runs. What is left out stays as it was. */
export interface Said {
  percent?: number;
  message?: string;
  /** JSON text; null forgets the last one. */
  checkpoint?: string | null;
}

/**
 * `unknown`: no such lease was ever given. `job` only where the request asked for it. `cancelled`: the report is stale
 * because the job was cancelled while this lease was the current one. `spawned`: the ids of the jobs it brought.
 */
export type ReportResult =
  | { status: "recorded" | "stale"; cancelled?: boolean; job?: Job; spawned?: string[] }
  | { status: "unknown" }
  /** Nothing was recorded: the queue of the spawned job at `index` cannot take it. */
  | { status: "refused"; index: number; queue: string; because: Unfit }
  /** Nothing was recorded: the queue of a spawned job is being changed. Send the report again. */
  | { status: "busy"; retryAfterMs: number };

/** The processor's door: report, and claim again from a lane, in one call. */
export interface WorkRequest extends ShardCall {
  lane: Lane;
  /** One processor invocation. */
  worker: string;
  reports: Report[];
  /** Jobs that can be started now, by target type. All zero: the executor leaves and only reports. */
  room: Record<PushType, number>;
  leaseMs: number;
}

/** A claimed job, with no more than an executor needs. */
export interface WorkItem {
  id: string;
  namespace: string;
  queue: string;
  attempt: number;
  lease: string;
  payload: string;
  timeoutMs: number;
  target: PushTarget;
  /** JSON text of what an earlier attempt left; null, or left out by an older shard, when there is none. */
  checkpoint?: string | null;
}

export type WorkReply = {
  type: "work";
  reports: ReportResult[];
  items: WorkItem[];
};

/** The pull worker's door. A queue that is pushed gives nothing here: the gateway refuses before it asks. */
export interface ClaimRequest extends ShardCall {
  namespace: string;
  queue: string;
  max: number;
  /** Null: the job's timeout. */
  leaseMs: number | null;
  worker: string | null;
  /** Wait this long for work before answering with none. */
}

/** Resolves true as soon as the queue has jobs that a claim could look at, false after `waitMs`. Leases nothing. */
export interface AwaitWorkRequest extends ShardCall {
  namespace: string;
  queue: string;
  waitMs: number;
}

export interface ClaimedJob {
  job: Job;
  lease: string;
  /** As in `WorkItem`. */
  checkpoint?: string | null;
}

export type ClaimReply = { type: "claimed"; jobs: ClaimedJob[] };

export interface ReportRequest extends ShardCall {
  /** Null: any (the processor). Otherwise a lease of another namespace is `unknown`. */
  namespace: string | null;
  reports: Report[];
  /** Return the jobs as they are after the report. */
  withJobs: boolean;
  /** Of the queues of spawned jobs, as the caller knows them. A shard keeps the newest version it has seen. */
  queues?: QueueSettings[];
  /** How long the answer may be held until the spawned jobs have reached their shards. */
  waitMs?: number;
}

/** Busy: nothing was recorded, because the queue of a spawned job is being changed. */
export type ReportReply = ({ type: "reported"; results: ReportResult[] } & Told) | Moved | Busy;

export interface ExtendRequest extends ShardCall {
  namespace: string | null;
  leases: Extension[];
}

/** One heartbeat. */
export interface Extension {
  lease: string;
  /** The lease ends so long from now. Null: after the job's timeout. */
  leaseMs: number | null;
  /** Where the lease lasts longer than this from now, it stays as it is: the heartbeat is a question and writes nothing. */
  unlessLeftMs?: number;
  /** Stored in the step that extends the lease. */
  said?: Said;
}

export type ExtendResult =
  /** `leaseLeftMs`: from now until `leaseExpiresAt`, whatever clock the caller has; where the extension was a question. */
  | { status: "extended"; leaseExpiresAt: number; leaseLeftMs?: number }
  /** The job was cancelled while this lease was the current one. */
  | { status: "cancelled" }
  | { status: "stale" }
  | { status: "unknown" };

export type ExtendReply = { type: "extended"; results: ExtendResult[] } | Moved;
