/**
 * What the gateway and the processor say to the Durable Objects. Deploys are not atomic, so every request
 * carries `v` and fields are only ever added. Both sides are Dure's own code: messages are typed, not parsed
 * again. Payloads and results are opaque JSON text throughout.
 */
import type { Job, JobError, JobState, RetryPolicy } from "../domain/job.ts";
import type { Lane, PushType, QueueSettings, Target } from "../domain/queue.ts";
import type { SlotMap } from "../domain/slots.ts";

export const RPC_VERSION = 1;

/** Every shard call: the protocol's version and the epoch of the caller's map. */
export interface ShardCall {
  v: number;
  epoch: number;
}

/** The shard does not own the slot: take `map` and ask its owner. */
export interface Moved {
  type: "moved";
  map: SlotMap;
}

/** The shard is not at work on this for a moment (a queue held for a change, storage full): try again shortly. */
export interface Busy {
  type: "busy";
  retryAfterMs: number;
}

// ---- submit

export interface NewJob {
  id: string;
  /** Index into `SubmitRequest.queues`. */
  queue: number;
  partition: number;
  priority: number;
  orderingKey: string | null;
  /** `hash` is of the canonical JSON of the request without the key. */
  idempotency: { key: string; hash: string } | null;
  /** At most one of these is set; neither means now. */
  delayMs: number | null;
  runAt: number | null;
  expiresAt: number | null;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
  tags: string[];
  payload: string;
}

export interface SubmitRequest extends ShardCall {
  /** The settings the caller validated with. A shard keeps the newest version it has seen. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** All or nothing: one refused job refuses all. */
  atomic: boolean;
}

export type Submitted =
  /** Committed. `createdAt` and `runAt` are the shard's. */
  | { type: "accepted"; state: "scheduled" | "queued"; createdAt: number; runAt: number }
  /** The key was seen with the same body. `job` is null when the job has already moved to history. */
  | { type: "replayed"; id: string; job: Job | null }
  /** The key was seen with another body. */
  | { type: "mismatch"; id: string }
  /** The batch was atomic and another of its jobs was refused. */
  | { type: "refused" };

export type SubmitReply =
  | { type: "submitted"; results: Submitted[] }
  /** The shard knows newer settings of a queue: plan again with these. A deleted queue says so in them. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;

// ---- work

export type Outcome =
  | { ok: true; result: string | null; resultTruncated: boolean }
  | { ok: false; error: JobError; retryAfterMs: number | null };

export interface Report {
  lease: string;
  outcome: Outcome;
}

/** `unknown`: no such lease was ever given. `job` only where the request asked for it. */
export type ReportResult = { status: "recorded" | "stale"; job?: Job } | { status: "unknown" };

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
  target: Exclude<Target, { type: "pull" }>;
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
  waitMs: number;
}

export interface ClaimedJob {
  job: Job;
  lease: string;
}

export type ClaimReply = { type: "claimed"; jobs: ClaimedJob[] };

export interface ReportRequest extends ShardCall {
  /** Null: any (the processor). Otherwise a lease of another namespace is `unknown`. */
  namespace: string | null;
  reports: Report[];
  /** Return the jobs as they are after the report. */
  withJobs: boolean;
}

export type ReportReply = { type: "reported"; results: ReportResult[] } | Moved;

export interface ExtendRequest extends ShardCall {
  namespace: string | null;
  leases: { lease: string; leaseMs: number }[];
}

export type ExtendResult =
  | { status: "extended"; leaseExpiresAt: number }
  /** The job was cancelled while this lease was the current one. */
  | { status: "cancelled" }
  | { status: "stale" }
  | { status: "unknown" };

export type ExtendReply = { type: "extended"; results: ExtendResult[] } | Moved;

// ---- one job

export interface JobRequest extends ShardCall {
  namespace: string;
  id: string;
}

export interface GetRequest extends JobRequest {
  /** Hold the answer until the job is final, at most this long. */
  waitMs: number;
}

export type JobReply = { type: "job"; job: Job } | { type: "none" } | Moved;

/** `conflict`: the job's state does not allow it. */
export type ChangeReply = JobReply | { type: "conflict"; job: Job };

export const EXPLAIN_REASONS = [
  "ready",
  "scheduled",
  "retrying",
  "paused",
  "ordering",
  "concurrency",
  "rate",
  "priority",
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

export type ExplainReply = { type: "explained"; explanation: Explanation } | { type: "none" } | Moved;

// ---- lists

export interface JobFilter {
  queue: string | null;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

export interface JobFields {
  payload: boolean;
  result: boolean;
  attempts: boolean;
}

export interface ListRequest extends ShardCall {
  namespace: string;
  filter: JobFilter;
  /** Only ids below this one; null starts at the newest. */
  before: string | null;
  limit: number;
  /** Fields left out come back as "null" / null / []. */
  include: JobFields;
}

export interface ListReply {
  type: "page";
  /** Newest first. */
  items: Job[];
  /** The page is complete down to and including this id; null: nothing lies below. */
  scannedTo: string | null;
}

/** Which of these jobs the shard still holds: its word stands above history's. */
export interface HeldRequest extends ShardCall {
  ids: string[];
}

// ---- queues

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

// ---- history

export interface FinishedRequest extends ShardCall {
  /** The projector's cursor: entries above it. */
  after: number;
  limit: number;
}

export interface FinishedReply {
  /** In the order they finished. A job redriven since is left out; it comes again when it is final again. */
  jobs: Job[];
  /** Everything up to here is in `jobs` or in an earlier page. */
  cursor: number;
  more: boolean;
}

// ---- operations

export interface ShardHealth {
  live: number;
  bytes: number;
  rowsWritten: number;
  counts: Record<JobState, number>;
  /** Finished jobs that history does not have yet. */
  unprojected: number;
  oldestDueAt: number | null;
  totals: { accepted: number; started: number; finished: number; staleReports: number; leaseExpired: number; bells: number };
}

export interface AuditViolation {
  rule: string;
  detail: string;
}

export interface AuditReply {
  shard: string;
  epoch: number;
  slots: [number, number][];
  violations: AuditViolation[];
}

/** A shard's RPC surface. The Durable Object implements it; the simulation calls the same through its own network. */
export interface ShardApi {
  submit(request: SubmitRequest): Promise<SubmitReply>;
  work(request: WorkRequest): Promise<WorkReply>;
  claim(request: ClaimRequest): Promise<ClaimReply>;
  report(request: ReportRequest): Promise<ReportReply>;
  extend(request: ExtendRequest): Promise<ExtendReply>;
  get(request: GetRequest): Promise<JobReply>;
  cancel(request: JobRequest): Promise<ChangeReply>;
  retry(request: JobRequest): Promise<ChangeReply>;
  explain(request: JobRequest): Promise<ExplainReply>;
  list(request: ListRequest): Promise<ListReply>;
  held(request: HeldRequest): Promise<string[]>;
  configure(request: ConfigureRequest): Promise<void>;
  hold(request: HoldRequest): Promise<HoldReply>;
  purge(request: PurgeRequest): Promise<PurgeReply>;
  redrive(request: RedriveRequest): Promise<RedriveReply>;
  stats(request: QueueRef): Promise<QueueStats>;
  finished(request: FinishedRequest): Promise<FinishedReply>;
  /** History has everything up to `cursor`: the shard may forget it when its time comes. */
  projected(request: ShardCall & { cursor: number }): Promise<void>;
  /** Cron's poke: re-arms a lost alarm, rings lost bells, does what is due. Returns what it found. */
  wake(request: ShardCall): Promise<ShardHealth>;
  audit(request: ShardCall): Promise<AuditReply>;
}

/** The `Directory`'s RPC surface. */
export interface DirectoryApi {
  map(): Promise<SlotMap>;
}
