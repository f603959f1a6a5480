/** Claiming, reporting and extending. */
import type { LaneConnections } from "../../domain/connections.ts";
import type { AttemptWarning, Job, JobError } from "../../domain/job/job.ts";
import type { Lane, QueueSettings } from "../../domain/queue.ts";
import type { PushTarget, PushType, Room } from "../../domain/target.ts";
import type { Busy, BusyItem, MovedItem, ShardCall } from "./call.ts";
import type { ServiceDemand, ServiceHold, ServiceOffer } from "./service.ts";
import type { SpawnJob, Unfit } from "./spawn.ts";

/**
 * How an attempt ended. `result` is JSON text, and null when the worker gave none; with `resultTruncated` it is only as much
 * of it as a job may keep.
 */
export type Outcome =
  /** The jobs in `spawn` are accepted with the success, in the same step, or neither is. */
  | { ok: true; result: string | null; resultTruncated: boolean; spawn?: SpawnJob[]; warning?: AttemptWarning }
  /**
   * The job runs again after `retryAfterMs` milliseconds at least, where it may; null leaves that to its retry policy.
   * `putBack`: it was `deferred` by its target, or `released` by its worker, and spends no attempt as long as its queue's
   * `maxDeferralMs` lets it. With `hold` it goes back as if it had not been claimed, however often: it was not begun.
   */
  | { ok: false; error: JobError; retryAfterMs: number | null; putBack?: "deferred" | "released"; hold?: ServiceHold };

/**
 * Not how an attempt ended: its target has taken the job, and ends the attempt by itself under the same lease, which is to last
 * as long as the attempt may. The executor that reports this does no more for the job.
 */
export interface HandedOver {
  ok: null;
}

/** What came of one attempt. It counts only under the lease that is current. */
export interface Report {
  lease: string;
  outcome: Outcome | HandedOver;
  /** What the worker said last and no answer has confirmed. It matters where the outcome is a failure. */
  progress?: ProgressPatch;
}

/** What a worker says of a job while it runs. What is left out stays as it was. */
export interface ProgressPatch {
  percent?: number;
  message?: string;
  /** JSON text. Null forgets the last one. */
  checkpoint?: string | null;
}

/**
 * What became of one report. `job` is there where the request asked for it. `cancelled` says that the report is stale
 * because the job was cancelled while this lease was the current one. `spawned` has the ids of the jobs that the
 * report brought.
 */
export type ReportResult =
  | { status: "recorded" | "stale"; cancelled?: boolean; job?: Job; spawned?: string[] }
  /** No such lease is known. */
  | { status: "unknown" }
  /** Nothing was recorded: the queue of the spawned job at `index` cannot take it. */
  | { status: "refused"; index: number; queue: string; because: Unfit }
  | MovedItem
  /** The queue of a spawned job is being changed. */
  | BusyItem;

/** The kinds of targets that every processor can run. */
export const FIRST_PUSH_TYPES: readonly PushType[] = ["handler", "http"];

/** The processor's door: reports what has ended, and claims from a lane again, in one call. */
export interface WorkRequest extends ShardCall {
  lane: Lane;
  /** The name of the processor invocation. */
  worker: string;
  /** The release of the processor. Left out by one of an earlier version. */
  version?: string;
  reports: Report[];
  /** How many jobs can be started now, by what they take. All zero says that the executor leaves, and only reports. */
  room: Record<Room, number>;
  /** The kinds of targets whose jobs it can run. Left out by one of an earlier version, which knows those of `FIRST_PUSH_TYPES`. */
  types?: readonly PushType[];
  leaseMs: number;
  /**
   * How long the answer may wait for a job that can be claimed, in milliseconds, where there is none: how long it does is the
   * shard's to say. Such a request reports nothing, and says of no bell that it was heard. Left out or 0: the answer comes at once.
   */
  waitMs?: number;
  /** How many bytes of payloads the executor has memory for. Left out: as many as one answer can carry. */
  bytes?: number;
  /** The outgoing connections of the lane, as the executor knows them. Left out by one of an earlier version. */
  connections?: LaneConnections;
  /** Services that the executor has permits of, or news. Of a service that is not among them it is given no job. */
  services?: ServiceOffer[];
}

/** A claimed job, with no more than an executor needs. */
export interface WorkItem {
  id: string;
  namespace: string;
  queue: string;
  attempt: number;
  /** How often the job was claimed. Left out by a shard of an earlier version. */
  delivery?: number;
  lease: string;
  payload: string;
  timeoutMs: number;
  target: PushTarget;
  /** JSON text of what an earlier attempt left; null when there is none. */
  checkpoint: string | null;
  /** The trace of its submission; null, or left out by a shard of an earlier version: it had none. */
  traceparent?: string | null;
  /** Its ordering key, where its target may ask for that. Left out: it has none, or nobody asks. */
  orderingKey?: string;
}

/** What became of the reports, in their order, and the jobs that were claimed. */
export type WorkReply = {
  type: "work";
  reports: ReportResult[];
  items: WorkItem[];
  /** How long the answer has waited in the shard, in milliseconds: what is claimed was claimed after that. Left out: it has not. */
  waitedMs?: number;
  /** Services of which it is given jobs when it comes with permits: in this answer room was left for them. Left out: none. */
  services?: ServiceDemand[];
};

/** The pull worker's door. A queue that is pushed gives nothing here: the gateway refuses before it asks. */
export interface ClaimRequest extends ShardCall {
  namespace: string;
  queue: string;
  max: number;
  /** How long the leases last, in milliseconds. Null is the timeout of each job. */
  leaseMs: number | null;
  /** The name of the worker, for the attempts of the jobs; null when it gives none. */
  worker: string | null;
  /** Whether the jobs come with all of their attempts that are kept. Left out: with the last two. */
  allAttempts?: boolean;
  /**
   * The worker says which of the jobs it has begun, by a heartbeat or a report: the others come back without spending an attempt
   * when their leases end.
   */
  begins?: boolean;
}

/**
 * Is answered true as soon as the queue has jobs that a claim could look at, and false after `waitMs` milliseconds.
 * Nothing is claimed by it.
 */
export interface AwaitWorkRequest extends ShardCall {
  namespace: string;
  queue: string;
  waitMs: number;
}

/** Is answered true as soon as a processor could claim something in the lane, and false after `waitMs` milliseconds. A hint: nothing is claimed by it. */
export interface AwaitLaneRequest extends ShardCall {
  lane: Lane;
  waitMs: number;
}

/** A job that was claimed, with the lease under which it is to be reported. */
export interface ClaimedJob {
  job: Job;
  lease: string;
  /** As in `WorkItem`. */
  checkpoint: string | null;
}

/** The jobs that were claimed; none when none is ready. */
export type ClaimReply = { type: "claimed"; jobs: ClaimedJob[] };

/** The pull worker's door for reports. The processor uses it for jobs that have moved to another shard. */
export interface ReportRequest extends ShardCall {
  /** A lease of another namespace is `unknown`. Null, from the processor, is for all namespaces. */
  namespace: string | null;
  reports: Report[];
  /** Whether results have the jobs as they are after the reports. */
  withJobs: boolean;
  /** The settings of the queues of spawned jobs, as the caller knows them. A shard keeps the newest version it has seen. */
  queues: QueueSettings[];
  /** How long the answer may wait until the spawned jobs have reached their shards, in milliseconds. */
  waitMs: number;
}

/**
 * What became of the reports, in their order. `busy`: nothing was recorded, because the queue of a spawned job is
 * being changed.
 */
export type ReportReply = { type: "reported"; results: ReportResult[] } | Busy;

/** Heartbeats: keeps leases, and takes what running jobs say. */
export interface ExtendRequest extends ShardCall {
  /** As in `ReportRequest`. */
  namespace: string | null;
  leases: Extension[];
}

/** One heartbeat of one lease. */
export interface Extension {
  lease: string;
  /** The lease is to end so many milliseconds from now. Null is the timeout of the job. */
  leaseMs: number | null;
  /**
   * Where the lease lasts longer than so many milliseconds from now, it stays as it is: the heartbeat is a question and writes
   * nothing. Null moves it in any case.
   */
  unlessLeftMs: number | null;
  /** Stored in the step that extends the lease. */
  progress?: ProgressPatch;
}

/** What became of one heartbeat. */
export type ExtendResult =
  /** `leaseLeftMs` is from the shard's now until `leaseExpiresAt`, for callers whose clock is another. */
  | { status: "extended"; leaseExpiresAt: number; leaseLeftMs: number }
  /** The job was cancelled while this lease was the current one. */
  | { status: "cancelled" }
  | { status: "stale" }
  | { status: "unknown" }
  | MovedItem
  /** The lease is as it was: the slot is being moved. */
  | BusyItem;

/** What became of the heartbeats. */
export interface ExtendReply {
  type: "extended";
  /** In the order of the request. */
  results: ExtendResult[];
}
