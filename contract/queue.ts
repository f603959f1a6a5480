import { z } from "zod";
import { JOB_STATES } from "../domain/job/state.ts";
import { DEFAULT_PRIORITY_AGING_MS, LANES, ON_FAILURE, QUEUE_CONSISTENCIES } from "../domain/queue.ts";
import { RetryBody, RetryView } from "./job.ts";
import {
  MAX_BACKLOG,
  MAX_CONCURRENCY,
  MAX_IDEMPOTENCY_WINDOW_SECONDS,
  MAX_KEY_CONCURRENCY,
  MAX_PARTITIONS,
  MAX_PRIORITY_AGING_SECONDS,
  MAX_RATE,
  MAX_RATE_PERIOD_SECONDS,
  MAX_RETENTION_SECONDS,
  MAX_WEIGHT,
} from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { TargetBody, TargetView } from "./target.ts";
import { TimeoutSeconds, Timestamp } from "./time.ts";

/** At most `limit` starts in any window of `period` seconds. */
export const RateBody = z.strictObject({
  limit: z.int().min(1).max(MAX_RATE),
  period: z.number().min(0.001).max(MAX_RATE_PERIOD_SECONDS),
});
export type RateBody = z.infer<typeof RateBody>;
const RateView = z.strictObject({ limit: z.int(), period: z.number() });

/** A queue's settings as sent: what is left out gets its default; `paused` and `partitions` of a queue that exists stay. Durations are seconds. */
export const QueueBody = z.strictObject({
  target: TargetBody.optional(),
  partitions: z.int().min(1).max(MAX_PARTITIONS).optional(),
  lane: z.enum(LANES).optional(),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).nullable().optional(),
  rate: RateBody.nullable().optional(),
  perKeyConcurrency: z.int().min(1).max(MAX_KEY_CONCURRENCY).nullable().optional(),
  perKeyRate: RateBody.nullable().optional(),
  weight: z.int().min(1).max(MAX_WEIGHT).optional(),
  /** Seconds of waiting that are worth one step of priority; null makes priority strict. */
  priorityAging: z.number().min(1).max(MAX_PRIORITY_AGING_SECONDS).nullable().optional(),
  maxBacklog: z.int().min(1).max(MAX_BACKLOG).nullable().optional(),
  onFailure: z.enum(ON_FAILURE).optional(),
  retry: RetryBody.optional(),
  timeout: TimeoutSeconds.optional(),
  retention: z.number().min(1).max(MAX_RETENTION_SECONDS).optional(),
  idempotencyWindow: z.number().min(1).max(MAX_IDEMPOTENCY_WINDOW_SECONDS).optional(),
  /**
   * `strong`: a 202 means committed in the job's shard; while that is away, 503.
   *
   * `available`: when the shard does not answer, the job waits in a durable Queue (202, state `accepted`, header
   * `Dure-Accepted: deferred`) and is committed later under the same id. That is kept over a deferral: nothing accepted is
   * lost as long as the shard is back within 3.8 days, each job gets one outcome, and a key runs one job. That is not: the
   * order of jobs with one ordering key is the order of their commits; what a key says of a deferred job is known at its
   * commit, and a job that an earlier one answers, or that its key refuses, ends `cancelled` with an error that names that
   * one; a deferred job that a `replace` had reached in time all the same may also run by itself; no list has it before
   * its commit, and a read of it elsewhere may miss it for a minute. Atomic batches are never deferred, nor are jobs of
   * more than about 120 KB.
   */
  consistency: z.enum(QUEUE_CONSISTENCIES).optional(),
  paused: z.boolean().optional(),
});
/** As parsed. */
export type QueueBody = z.output<typeof QueueBody>;
/** As sent: a target's `headers` may be left out. */
export type QueueInput = z.input<typeof QueueBody>;

const settings = {
  target: TargetView,
  partitions: z.int(),
  lane: z.enum(LANES),
  concurrency: z.int().nullable(),
  rate: RateView.nullable(),
  perKeyConcurrency: z.int().nullable(),
  perKeyRate: RateView.nullable(),
  weight: z.int(),
  priorityAging: z.number().nullable(),
  maxBacklog: z.int().nullable(),
  onFailure: z.enum(ON_FAILURE),
  retry: RetryView,
  timeout: z.number(),
  retention: z.number(),
  idempotencyWindow: z.number(),
  consistency: z.enum(QUEUE_CONSISTENCIES),
  paused: z.boolean(),
};

/** A queue's settings, complete, in API units. */
export const QueueSettingsView = z.strictObject(settings);
export type QueueSettingsView = z.infer<typeof QueueSettingsView>;

export const QueueView = z.strictObject({
  name: Name,
  ...settings,
  version: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type QueueView = z.infer<typeof QueueView>;

export const QueueListView = pageOf(QueueView);
export type QueueListView = z.infer<typeof QueueListView>;

/** The complete settings of a queue that was put as `body`; `queueDefaults({})` are those of `default`. */
export function queueDefaults(body: QueueBody): QueueSettingsView {
  const concurrency = body.concurrency ?? null;
  const rate = body.rate ?? null;
  const maxBacklog = body.maxBacklog ?? null;
  const limited = concurrency !== null || rate !== null || maxBacklog !== null;
  const retry = body.retry ?? {};
  return {
    target: body.target ?? { type: "pull" },
    // A limit is divided over the partitions: one partition lets any limit through.
    partitions: body.partitions ?? (limited ? 1 : 16),
    lane: body.lane ?? "default",
    concurrency,
    rate,
    perKeyConcurrency: body.perKeyConcurrency ?? null,
    perKeyRate: body.perKeyRate ?? null,
    weight: body.weight ?? 1,
    priorityAging: body.priorityAging === undefined ? DEFAULT_PRIORITY_AGING_MS / 1000 : body.priorityAging,
    maxBacklog,
    onFailure: body.onFailure ?? "continue",
    retry: {
      maxAttempts: retry.maxAttempts ?? 5,
      backoff: retry.backoff ?? "exponential",
      delay: retry.delay ?? 1,
      maxDelay: retry.maxDelay ?? 300,
      jitter: retry.jitter ?? "full",
    },
    timeout: body.timeout ?? 60,
    retention: body.retention ?? 604_800,
    idempotencyWindow: body.idempotencyWindow ?? 86_400,
    consistency: body.consistency ?? "strong",
    paused: body.paused ?? false,
  };
}

/** `latencyMs` is acceptance to finish over a recent sample; null without one. */
export const QueueStatsView = z.strictObject({
  queue: Name,
  counts: z.strictObject(
    Object.fromEntries(JOB_STATES.map((state) => [state, z.int()])) as Record<(typeof JOB_STATES)[number], z.ZodInt>,
  ),
  oldestQueuedAt: Timestamp.nullable(),
  /** Jobs that are scheduled or queued, and the queue's `maxBacklog`. */
  backlog: z.strictObject({ waiting: z.int(), max: z.int().nullable() }),
  inFlight: z.int(),
  /** Parked ordering keys, by a failure or by hand. */
  parkedKeys: z.int(),
  perSecond: z.strictObject({ accepted: z.number(), started: z.number(), finished: z.number() }),
  latencyMs: z.strictObject({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() }),
});
export type QueueStatsView = z.infer<typeof QueueStatsView>;

/** A call that takes no fields: an empty body or `{}`. */
export const EmptyBody = z.strictObject({});
