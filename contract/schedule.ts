import * as z from "zod";
import { FIRE_OUTCOMES, OVERLAPS, SCHEDULE_STATES } from "../domain/schedule.ts";
import { cronFault } from "./cron.ts";
import { ACCEPTED_AT, EXAMPLE_JOB_ID } from "./examples.ts";
import { described, field } from "./field.ts";
import { SubmitBody } from "./job.ts";
import {
  MAX_CATCH_UP_SECONDS,
  MAX_CRON_BYTES,
  MAX_DELAY_SECONDS,
  MAX_EVERY_SECONDS,
  MAX_PRIORITY,
  MAX_SCHEDULE_JITTER_SECONDS,
  MIN_CATCH_UP_SECONDS,
  MIN_EVERY_SECONDS,
} from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name, plainText } from "./primitives.ts";
import { RetryBody } from "./retry.ts";
import { formatNumber, inSeconds, orNull, says } from "./sentence.ts";
import { parseTimestamp, Timestamp } from "./time.ts";
import { isTimezone } from "./time-zone.ts";

/** Five fields, or six with seconds first; at least one date has to match. */
const CronExpression = plainText(MAX_CRON_BYTES).superRefine((text, context) => {
  const fault = text.length > MAX_CRON_BYTES ? null : cronFault(text);
  if (fault !== null) context.addIssue({ code: "custom", message: fault });
});

const Timezone = plainText(64).refine(isTimezone, says("is an IANA time zone, such as Europe/Berlin"));

const CRON_TEXT =
  "When the schedule fires: minute, hour, day of month, month and day of week, with seconds in front where there are six fields; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.";
const EVERY_TEXT =
  "The schedule fires every so many seconds, counted in real time from `start`, or from when it was created";
const START_TEXT = "No instant lies before this one, and `every` counts from it: it is the first instant then.";
const END_TEXT = "No instant lies after this one. When the last is over the schedule has ended, and stays.";
const TIMEZONE_TEXT =
  "The time zone that `cron` is read in, by its name in the IANA database. It means nothing to `every`.";
const OVERLAP_TEXT =
  "What a fire does while the job of the fire before is not final: `allow` runs the new job beside it, `skip` makes none, `queue` runs them one after the other.";
const WINDOW_TEXT = "How many seconds late an instant may still fire; after that it is missed";
const LATEST_TEXT =
  "the last instant that is due fires, however late, until the next one is due; those before it are missed";
const JITTER_TEXT =
  "A job's run-at lies 0 to this many seconds after its instant, so that many schedules do not fire at once";
const EXPIRES_TEXT = "How many seconds after its run-at the job has to have started; after that it fails";

const { queue, payload, orderingKey, concurrencyKey, priority, timeout, tags } = SubmitBody.shape;

/** The job that every fire makes: as a submission, but that its times count from the fire. */
export const ScheduledJobBody = described(
  z.strictObject({
    queue,
    payload,
    orderingKey,
    concurrencyKey,
    priority,
    timeout,
    retry: field(
      RetryBody.optional(),
      "How failed attempts are tried again, laid over the queue's policy. Left out: as the queue has it.",
    ),
    tags,
    expiresAfter: field(
      z.number(inSeconds).gt(0).max(MAX_DELAY_SECONDS).optional(),
      `${EXPIRES_TEXT}: at most ${formatNumber(MAX_DELAY_SECONDS)}. Left out: it waits without end.`,
      3600,
    ),
  }),
  "The job that every fire makes, as a submission has it; its times count from the fire.",
  { queue: "default", payload: { kind: "daily" } },
);

/** What a schedule goes by has to be one thing, and has to leave an instant. */
function oneRule(
  {
    cron,
    every,
    start,
    end,
  }: Partial<Record<"cron" | "start" | "end", string | undefined>> & { every?: number | undefined },
  context: z.RefinementCtx,
): void {
  const fault = (member: string, message: string) => context.addIssue({ code: "custom", path: [member], message });
  if (cron === undefined && every === undefined) fault("cron", "is missing: a schedule goes by `cron` or by `every`");
  if (cron !== undefined && every !== undefined) {
    fault("every", "does not go with cron: a schedule goes by one of them, and a patch takes the other away by null");
  }
  const [from, to] = [start, end].map((text) => (text === undefined ? null : parseTimestamp(text)));
  if (typeof from === "number" && typeof to === "number" && to < from) fault("end", "is not before start");
}

/** A schedule as sent: what is left out gets its default, also when the schedule exists. Durations are seconds. */
export const ScheduleBody = described(
  z
    .strictObject({
      cron: field(CronExpression.optional(), `${CRON_TEXT} Either this or \`every\`.`, "30 2 * * *"),
      every: field(
        z.number(inSeconds).min(MIN_EVERY_SECONDS).max(MAX_EVERY_SECONDS).optional(),
        `${EVERY_TEXT}: ${MIN_EVERY_SECONDS} to ${formatNumber(MAX_EVERY_SECONDS)}. Either this or \`cron\`.`,
        5400,
      ),
      start: field(Timestamp.optional(), `${START_TEXT} Left out: there is no such limit.`, "2026-12-01T06:00:00Z"),
      end: field(Timestamp.optional(), `${END_TEXT} Left out: it goes on for ever.`, "2027-12-01T06:00:00Z"),
      timezone: field(Timezone.optional(), `${TIMEZONE_TEXT} Left out: UTC.`, "Europe/Berlin"),
      job: field(ScheduledJobBody, "The job that every fire makes."),
      overlap: field(z.enum(OVERLAPS).optional(), `${OVERLAP_TEXT} Left out: \`allow\`.`, "skip"),
      catchUp: field(
        z
          .strictObject({
            window: field(
              orNull(
                z.number(inSeconds).min(MIN_CATCH_UP_SECONDS).max(MAX_CATCH_UP_SECONDS),
                "the last one due alone",
              ).optional(),
              `${WINDOW_TEXT}: ${MIN_CATCH_UP_SECONDS} to ${formatNumber(MAX_CATCH_UP_SECONDS)}. Null or left out: ${LATEST_TEXT}.`,
              3600,
            ),
          })
          .optional(),
        `What becomes of instants that could not fire in time. Left out: ${LATEST_TEXT}.`,
        { window: 3600 },
      ),
      jitter: field(
        z.number(inSeconds).min(0).max(MAX_SCHEDULE_JITTER_SECONDS).optional(),
        `${JITTER_TEXT}: at most ${formatNumber(MAX_SCHEDULE_JITTER_SECONDS)}. Left out: 0.`,
        10,
      ),
      paused: field(
        z.boolean().optional(),
        "Whether the schedule does not fire. Left out: false, or as the schedule that exists has it.",
        false,
      ),
    })
    .superRefine(oneRule),
  "A schedule, all of it: what is left out gets its default, but `paused` of one that exists stays. It goes by `cron` or by `every`.",
  { cron: "30 2 * * *", timezone: "Europe/Berlin", job: { queue: "default", payload: { kind: "daily" } } },
);
export type ScheduleBody = z.infer<typeof ScheduleBody>;

/** The job of a schedule. Absent values are null. */
export const ScheduledJobView = described(
  z.strictObject({
    queue: field(Name, "The queue of the jobs.", "reports"),
    payload: field(z.unknown(), "The input of the jobs.", { kind: "daily" }),
    orderingKey: field(
      z.string().nullable(),
      "The ordering key of the jobs. Null when they have none.",
      null,
      "user-42",
    ),
    concurrencyKey: field(
      z.string().nullable(),
      "The concurrency key of the jobs. Null when they have none.",
      null,
      "customer-7",
    ),
    priority: field(z.int(), `From 0 to ${MAX_PRIORITY}; the higher goes first.`, 4),
    timeout: field(
      z.number().nullable(),
      "How many seconds one attempt may take. Null: as the queue has it.",
      null,
      60,
    ),
    retry: field(
      RetryBody.nullable(),
      "How failed attempts are tried again, laid over the queue's policy. Null: as the queue has it.",
      null,
    ),
    tags: field(z.array(z.string()), "The words that the jobs can be found by.", []),
    expiresAfter: field(z.number().nullable(), `${EXPIRES_TEXT}. Null: it waits without end.`, null, 3600),
  }),
  "The job that every fire of a schedule makes. Absent values are null.",
);
export type ScheduledJobView = z.infer<typeof ScheduledJobView>;

/** Instants that a schedule shows ahead of time. */
export const NEXT_INSTANTS = 5;

export const ScheduleView = described(
  z.strictObject({
    name: field(Name, "The name of the schedule.", "daily-report"),
    cron: field(z.string().nullable(), `${CRON_TEXT} Null: it goes by \`every\`.`, "30 2 * * *"),
    every: field(z.number().nullable(), `${EVERY_TEXT}. Null: it goes by \`cron\`.`, null, 5400),
    start: field(Timestamp.nullable(), `${START_TEXT} Null: there is no such limit.`, null, "2026-12-01T06:00:00.000Z"),
    end: field(Timestamp.nullable(), `${END_TEXT} Null: it goes on for ever.`, null, "2027-12-01T06:00:00.000Z"),
    timezone: field(z.string(), TIMEZONE_TEXT, "Europe/Berlin"),
    job: field(ScheduledJobView, "The job that every fire makes."),
    overlap: field(z.enum(OVERLAPS), OVERLAP_TEXT, "skip"),
    catchUp: described(
      z.strictObject({
        window: field(z.number().nullable(), `${WINDOW_TEXT}. Null: ${LATEST_TEXT}.`, null, 3600),
      }),
      "What becomes of instants that could not fire in time.",
    ),
    jitter: field(z.number(), `${JITTER_TEXT}.`, 0),
    paused: field(z.boolean(), "Whether the schedule does not fire.", false),
    state: field(
      z.enum(SCHEDULE_STATES),
      "`active`: it fires; `paused`: it does not, whatever else; `ended`: its `end` leaves no instant to come.",
      "active",
    ),
    version: field(
      z.int(),
      "Counts the changes of the schedule: of two copies the one with the higher number is newer.",
      1,
    ),
    createdAt: field(Timestamp, "When the schedule was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When it was last changed.", ACCEPTED_AT),
    nextFireAt: field(
      Timestamp.nullable(),
      "The next instant at which it fires. Null while it is paused, and when it has ended.",
      "2026-11-23T01:30:00.000Z",
    ),
    nextInstants: field(
      z.array(Timestamp).max(NEXT_INSTANTS).optional(),
      `Its next ${NEXT_INSTANTS} instants, or as many as there are: to see whether it says what was meant. Empty while it is paused. Left out of lists.`,
      ["2026-11-23T01:30:00.000Z", "2026-11-24T01:30:00.000Z"],
    ),
    lastFireAt: field(
      Timestamp.nullable(),
      "The instant of the last job that it made. Null until it has made one.",
      null,
      "2026-11-22T01:30:00.000Z",
    ),
  }),
  "A schedule, and when it fires.",
);
export type ScheduleView = z.infer<typeof ScheduleView>;

export const ScheduleListView = pageOf(ScheduleView, "Schedules, the newest first");
export type ScheduleListView = z.infer<typeof ScheduleListView>;

/** One instant and what came of it. A run of missed ones is told as one, with its `count` and its first instant. */
export const FireView = described(
  z.strictObject({
    scheduledAt: field(
      Timestamp,
      "The instant of the schedule; of a run of missed ones, the first.",
      "2026-11-22T15:32:00.000Z",
    ),
    firedAt: field(Timestamp.nullable(), "When the job was made. Null when none was.", "2026-11-22T15:32:00.007Z"),
    lateSeconds: field(
      z.number().nullable(),
      "How many seconds after its instant the job was made. Null when none was.",
      0.007,
    ),
    outcome: field(
      z.enum(FIRE_OUTCOMES),
      "What came of the instant: `fired` made a job; `skipped` made none, for the reason in `reason`; `missed` was too late when it could be fired, by `catchUp`.",
      "fired",
    ),
    reason: field(
      z.string().nullable(),
      "Why no job was made, as a sentence for people. Null when there is nothing to say.",
      null,
    ),
    jobId: field(z.string().nullable(), "The id of the job that was made. Null when none was.", EXAMPLE_JOB_ID),
    count: field(z.int(), "How many instants the record stands for: more than 1 for a run of missed ones.", 1),
  }),
  "One instant of a schedule, or a run of missed ones, and what came of it.",
);
export type FireView = z.infer<typeof FireView>;

export const FireListView = pageOf(FireView, "What came of the schedule's instants, the newest first");
export type FireListView = z.infer<typeof FireListView>;
