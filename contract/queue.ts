import { z } from "zod";
import { JOB_STATES } from "../domain/job.ts";
import { LANES } from "../domain/queue.ts";
import { RetryBody, RetryView } from "./job.ts";
import {
  MAX_CONCURRENCY,
  MAX_IDEMPOTENCY_WINDOW_SECONDS,
  MAX_PARTITIONS,
  MAX_REDRIVES_PER_SECOND,
  MAX_RETENTION_SECONDS,
} from "./limits.ts";
import { pageOf } from "./list.ts";
import { Key, Name, Tag } from "./primitives.ts";
import { TargetBody, TargetView } from "./target.ts";
import { TimeoutSeconds, Timestamp } from "./time.ts";

/** A queue's settings as sent: what is left out gets its default, also when the queue exists. Durations are seconds. */
export const QueueBody = z.strictObject({
  target: TargetBody.optional(),
  partitions: z.int().min(1).max(MAX_PARTITIONS).optional(),
  lane: z.enum(LANES).optional(),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).nullable().optional(),
  rate: z.null().optional(),
  retry: RetryBody.optional(),
  timeout: TimeoutSeconds.optional(),
  retention: z.number().min(1).max(MAX_RETENTION_SECONDS).optional(),
  idempotencyWindow: z.number().min(1).max(MAX_IDEMPOTENCY_WINDOW_SECONDS).optional(),
  consistency: z.literal("strong").optional(),
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
  rate: z.null(),
  retry: RetryView,
  timeout: z.number(),
  retention: z.number(),
  idempotencyWindow: z.number(),
  consistency: z.literal("strong"),
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
  const retry = body.retry ?? {};
  return {
    target: body.target ?? { type: "pull" },
    // A limit is divided over the partitions: one partition lets any limit through.
    partitions: body.partitions ?? (concurrency === null ? 16 : 1),
    lane: body.lane ?? "default",
    concurrency,
    rate: null,
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
    consistency: "strong",
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
  inFlight: z.int(),
  perSecond: z.strictObject({ accepted: z.number(), started: z.number(), finished: z.number() }),
  latencyMs: z.strictObject({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() }),
});
export type QueueStatsView = z.infer<typeof QueueStatsView>;

/** Which failed jobs to run again; all of them without a filter. */
export const RedriveBody = z.strictObject({
  filter: z
    .strictObject({ errorCode: Key.optional(), tag: Tag.optional(), finishedBefore: Timestamp.optional() })
    .optional(),
  ratePerSecond: z.number().gt(0).max(MAX_REDRIVES_PER_SECOND).optional(),
  dryRun: z.boolean().optional(),
});
export type RedriveBody = z.infer<typeof RedriveBody>;

export const RedriveView = z.strictObject({ matched: z.int(), redriven: z.int() });
export type RedriveView = z.infer<typeof RedriveView>;

export const PurgeView = z.strictObject({ cancelled: z.int() });
export type PurgeView = z.infer<typeof PurgeView>;

/** A call that takes no fields: an empty body or `{}`. */
export const EmptyBody = z.strictObject({});
