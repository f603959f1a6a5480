import { z } from "zod";
import { ATTEMPT_OUTCOMES, BACKOFFS, JITTERS } from "../domain/job/job.ts";
import { JOB_STATES } from "../domain/job/state.ts";
import { DedupBody } from "./dedup.ts";
import { JobErrorView } from "./error.ts";
import { MAX_ATTEMPTS, MAX_PRIORITY, MAX_TAGS } from "./limits.ts";
import { Cursor, Include, Limit, pageOf } from "./list.ts";
import { Key, Name, Tag } from "./primitives.ts";
import { ProgressView } from "./progress.ts";
import { EXPLAIN_REASONS } from "./rpc.ts";
import { DelaySeconds, TimeoutSeconds, Timestamp } from "./time.ts";

export const JobStateName = z.enum(JOB_STATES);
/** What a job that is read can be in: a queue that is `available` may accept it before its shard has it. */
export const ShownStateName = z.enum(["accepted", ...JOB_STATES]);

export const CONSISTENCIES = ["strong", "session", "eventual"] as const;
export const Consistency = z.enum(CONSISTENCIES);
export type Consistency = z.infer<typeof Consistency>;

/** Laid over the queue's policy, or over the defaults when it is a queue's own: any field may be left out. */
export const RetryBody = z.strictObject({
  maxAttempts: z.int().min(1).max(MAX_ATTEMPTS).optional(),
  backoff: z.enum(BACKOFFS).optional(),
  /** Seconds before the second attempt. */
  delay: DelaySeconds.optional(),
  /** Ceiling of the growing delay, seconds. */
  maxDelay: DelaySeconds.optional(),
  jitter: z.enum(JITTERS).optional(),
});
export type RetryBody = z.infer<typeof RetryBody>;

export const RetryView = z.strictObject({
  maxAttempts: z.int(),
  backoff: z.enum(BACKOFFS),
  delay: z.number(),
  maxDelay: z.number(),
  jitter: z.enum(JITTERS),
});
export type RetryView = z.infer<typeof RetryView>;

/**
 * A job to be accepted. Durations are seconds. Left to the gateway, which has the clock, the queue and the text:
 * `runAt` a year ahead at most, `expiresAt` in the future, a push queue's timeout, the payload's bytes.
 */
export const SubmitBody = z
  .strictObject({
    queue: Name.optional(),
    /** Opaque: any JSON value, passed through by reference and never copied. */
    payload: z.unknown(),
    orderingKey: Key.optional(),
    concurrencyKey: Key.optional(),
    dedup: DedupBody.optional(),
    idempotencyKey: Key.optional(),
    priority: z.int().min(0).max(MAX_PRIORITY).optional(),
    delay: DelaySeconds.optional(),
    runAt: Timestamp.optional(),
    expiresAt: Timestamp.optional(),
    timeout: TimeoutSeconds.optional(),
    retry: RetryBody.optional(),
    tags: z.array(Tag).max(MAX_TAGS).optional(),
  })
  .refine((job) => job.delay === undefined || job.runAt === undefined, {
    path: ["runAt"],
    error: "delay and runAt exclude each other",
  });
export type SubmitBody = z.infer<typeof SubmitBody>;

export const AttemptView = z.strictObject({
  number: z.int(),
  startedAt: Timestamp,
  finishedAt: Timestamp.nullable(),
  outcome: z.enum(ATTEMPT_OUTCOMES).nullable(),
  error: JobErrorView.nullable(),
  worker: z.string().nullable(),
});
export type AttemptView = z.infer<typeof AttemptView>;

/** A job. `timeout` is seconds. Absent values are null. */
export const JobView = z.strictObject({
  id: z.string(),
  namespace: Name,
  queue: Name,
  /** `accepted`: durably, and not committed in its shard yet. Every other state comes after it. */
  state: ShownStateName,
  attempt: z.int(),
  maxAttempts: z.int(),
  priority: z.int(),
  orderingKey: z.string().nullable(),
  concurrencyKey: z.string().nullable(),
  dedupKey: z.string().nullable(),
  idempotencyKey: z.string().nullable(),
  /** The id of the job whose success made this one. */
  parent: z.string().nullable(),
  tags: z.array(z.string()),
  timeout: z.number(),
  retry: RetryView,
  payload: z.unknown(),
  result: z.unknown(),
  resultTruncated: z.boolean(),
  error: JobErrorView.nullable(),
  createdAt: Timestamp,
  runAt: Timestamp,
  startedAt: Timestamp.nullable(),
  finishedAt: Timestamp.nullable(),
  expiresAt: Timestamp.nullable(),
  leaseExpiresAt: Timestamp.nullable(),
  /** Null when no worker has said anything, and once the job has succeeded or was cancelled. */
  progress: ProgressView.nullable(),
  attempts: z.array(AttemptView),
});
export type JobView = z.infer<typeof JobView>;

/** A job in a list: the heavy fields are there only where `include` named them. */
export const JobListItem = JobView.extend({ state: JobStateName }).partial({
  payload: true,
  result: true,
  attempts: true,
});
export type JobListItem = z.infer<typeof JobListItem>;

export const JobListView = pageOf(JobListItem);
export type JobListView = z.infer<typeof JobListView>;

export const JobGetQuery = z.strictObject({ consistency: Consistency.default("strong") });
export type JobGetQuery = z.output<typeof JobGetQuery>;

/** Query values are text; `limit` and `include` come out parsed. */
export const JobListQuery = z.strictObject({
  queue: Name.optional(),
  state: JobStateName.optional(),
  tag: Tag.optional(),
  orderingKey: Key.optional(),
  createdAfter: Timestamp.optional(),
  createdBefore: Timestamp.optional(),
  consistency: Consistency.default("strong"),
  include: Include,
  limit: Limit,
  cursor: Cursor.optional(),
});
export type JobListQuery = z.output<typeof JobListQuery>;

/** Why a job is not running. `blockedBy` is a job id; `ahead` counts jobs that go first. */
export const ExplainView = z.strictObject({
  state: ShownStateName,
  /** `accepted`: of a job that waits for its shard. More may be added. */
  reason: z.enum([...EXPLAIN_REASONS, "accepted"]),
  detail: z.string(),
  blockedBy: z.string().nullable(),
  ahead: z.int().nullable(),
  estimatedStartAt: Timestamp.nullable(),
});
export type ExplainView = z.infer<typeof ExplainView>;
