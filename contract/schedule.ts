import { z } from "zod";
import { FIRE_OUTCOMES, OVERLAPS } from "../domain/schedule.ts";
import { cronFault, isTimezone } from "./cron.ts";
import { RetryBody, SubmitBody } from "./job.ts";
import {
  MAX_CATCH_UP_SECONDS,
  MAX_CRON_BYTES,
  MAX_DELAY_SECONDS,
  MAX_SCHEDULE_JITTER_SECONDS,
  MIN_CATCH_UP_SECONDS,
} from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name, plainText } from "./primitives.ts";
import { Timestamp } from "./time.ts";

/** Five fields, or six with seconds first; at least one date has to match. */
const CronExpression = plainText(MAX_CRON_BYTES).superRefine((text, context) => {
  const fault = text.length > MAX_CRON_BYTES ? null : cronFault(text);
  if (fault !== null) context.addIssue({ code: "custom", message: fault });
});

const Timezone = plainText(64).refine(isTimezone, { error: "must be an IANA time zone, such as Europe/Berlin" });

const { queue, payload, orderingKey, concurrencyKey, priority, timeout, tags } = SubmitBody.shape;

/** The job that every fire makes: as a submission, but that its times count from the fire. */
export const ScheduledJobBody = z.strictObject({
  queue,
  payload,
  orderingKey,
  concurrencyKey,
  priority,
  timeout,
  retry: RetryBody.optional(),
  tags,
  /** Seconds after its run-at within which it has to start. */
  expiresAfter: z.number().gt(0).max(MAX_DELAY_SECONDS).optional(),
});

/** A schedule as sent: what is left out gets its default; `paused` of one that exists stays. Durations are seconds. */
export const ScheduleBody = z.strictObject({
  cron: CronExpression,
  timezone: Timezone.optional(),
  job: ScheduledJobBody,
  overlap: z.enum(OVERLAPS).optional(),
  /** How late an instant may still fire. */
  catchUp: z
    .strictObject({ window: z.number().min(MIN_CATCH_UP_SECONDS).max(MAX_CATCH_UP_SECONDS).optional() })
    .optional(),
  /** The job runs 0 to this many seconds after its instant. */
  jitter: z.number().min(0).max(MAX_SCHEDULE_JITTER_SECONDS).optional(),
  paused: z.boolean().optional(),
});
export type ScheduleBody = z.infer<typeof ScheduleBody>;

/** The job of a schedule. Absent values are null. */
export const ScheduledJobView = z.strictObject({
  queue: Name,
  payload: z.unknown(),
  orderingKey: z.string().nullable(),
  concurrencyKey: z.string().nullable(),
  priority: z.int(),
  timeout: z.number().nullable(),
  retry: RetryBody.nullable(),
  tags: z.array(z.string()),
  expiresAfter: z.number().nullable(),
});
export type ScheduledJobView = z.infer<typeof ScheduledJobView>;

/** `nextFireAt` is null while it is paused, `lastFireAt` until it has fired: the instant of the last job it made. */
export const ScheduleView = z.strictObject({
  name: Name,
  cron: z.string(),
  timezone: z.string(),
  job: ScheduledJobView,
  overlap: z.enum(OVERLAPS),
  catchUp: z.strictObject({ window: z.number() }),
  jitter: z.number(),
  paused: z.boolean(),
  version: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  nextFireAt: Timestamp.nullable(),
  lastFireAt: Timestamp.nullable(),
});
export type ScheduleView = z.infer<typeof ScheduleView>;

export const ScheduleListView = pageOf(ScheduleView);
export type ScheduleListView = z.infer<typeof ScheduleListView>;

/** One instant and what came of it. A run of missed ones is told as one, with its `count` and its first instant. */
export const FireView = z.strictObject({
  scheduledAt: Timestamp,
  firedAt: Timestamp.nullable(),
  lateSeconds: z.number().nullable(),
  outcome: z.enum(FIRE_OUTCOMES),
  reason: z.string().nullable(),
  jobId: z.string().nullable(),
  count: z.int(),
});
export type FireView = z.infer<typeof FireView>;

export const FireListView = pageOf(FireView);
export type FireListView = z.infer<typeof FireListView>;
