import * as z from "zod";
import { ACCEPTED_AT, EXAMPLE_FINGERPRINT, EXAMPLE_JOB_ID, FINISHED_AT, LATER } from "./examples.ts";
import { described, field } from "./field.ts";
import { MAX_REDRIVES_PER_SECOND } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Key, Name, Tag } from "./primitives.ts";
import { formatNumber, says } from "./sentence.ts";
import { anyJson } from "./text-members.ts";
import { Timestamp } from "./time.ts";

/** Failed jobs as a set: what kinds there are, running them again, and discarding them. */

export const Fingerprint = z
  .string(says("is a fingerprint as `GET /v1/queues/{queue}/failures` names it: 16 digits and letters from a to f"))
  .regex(/^[0-9a-f]{16}$/);

/** Which failed jobs; all of them without a filter. Bounds in time are exclusive. */
export const DeadFilterBody = described(
  z.strictObject({
    errorCode: field(Key.optional(), "Only jobs whose last error has this code.", "smtp"),
    fingerprint: field(Fingerprint.optional(), "Only jobs whose failure is of this kind.", EXAMPLE_FINGERPRINT),
    tag: field(Tag.optional(), "Only jobs with this tag.", "welcome"),
    orderingKey: field(Key.optional(), "Only jobs with this ordering key.", "user-42"),
    finishedAfter: field(Timestamp.optional(), "Only jobs that failed for good after this time.", ACCEPTED_AT),
    finishedBefore: field(Timestamp.optional(), "Only jobs that failed for good before this time.", LATER),
    createdAfter: field(Timestamp.optional(), "Only jobs that were accepted after this time.", ACCEPTED_AT),
    createdBefore: field(Timestamp.optional(), "Only jobs that were accepted before this time.", LATER),
  }),
  "Which failed jobs: those that are all that is named.",
  { errorCode: "smtp" },
);
export type DeadFilterBody = z.infer<typeof DeadFilterBody>;

const FILTER_TEXT = "Which failed jobs: those that are all that is named. Left out: all of the queue.";

export const RedriveBody = described(
  z.strictObject({
    filter: field(DeadFilterBody.optional(), FILTER_TEXT),
    patch: field(
      anyJson().optional(),
      "A JSON merge patch (RFC 7396) for every payload: members replace, null removes. A job whose payload would be too large is skipped. Left out: payloads stay as they are.",
      { template: "new" },
    ),
    queue: field(
      Name.optional(),
      "Another queue of the namespace, where the jobs run under new ids; here they are discarded. Left out: they run here.",
      "emails-slow",
    ),
    ratePerSecond: field(
      z.number().gt(0).max(MAX_REDRIVES_PER_SECOND).optional(),
      `How many of them start a second: more than 0 and at most ${formatNumber(MAX_REDRIVES_PER_SECOND)}. Left out: all at once.`,
      5,
    ),
    dryRun: field(z.boolean().optional(), "Whether jobs are only counted. Left out: false.", true),
  }),
  "Which failed jobs of a queue run again, and how. All fields may be left out.",
  { filter: { errorCode: "smtp" }, dryRun: true },
);
export type RedriveBody = z.infer<typeof RedriveBody>;

const MORE_TEXT = "Whether the call did as much as one call does and left some: send it again.";

export const RedriveView = described(
  z.strictObject({
    matched: field(z.int(), "Failed jobs that the filter selected.", 2),
    redriven: field(z.int(), "Those of them that run again.", 2),
    skipped: field(
      z.int(),
      "Those that stayed as they were: their payload would be too large or was not kept, or the other queue has no place for them.",
      0,
    ),
    more: field(z.boolean(), MORE_TEXT, false),
  }),
  "What a redrive did.",
);
export type RedriveView = z.infer<typeof RedriveView>;

/** Without `failed` all waiting jobs are cancelled, with it the failed ones that match are discarded. */
export const PurgeBody = described(
  z
    .strictObject({
      failed: field(
        z.boolean().optional(),
        "True discards failed jobs. False, or left out, cancels all queued and scheduled jobs.",
        true,
      ),
      filter: field(DeadFilterBody.optional(), `With \`failed: true\` only. ${FILTER_TEXT}`),
    })
    .refine((body) => body.filter === undefined || body.failed === true, {
      error: "goes with `failed: true` only",
      path: ["filter"],
    }),
  "What a purge removes: all waiting jobs, or failed ones.",
);
export type PurgeBody = z.infer<typeof PurgeBody>;

/** `discarded` and `more` are there when failed jobs were asked for. */
export const PurgeView = described(
  z.strictObject({
    cancelled: field(z.int(), "Waiting jobs that were cancelled.", 3),
    discarded: field(z.int().optional(), "Failed jobs that were deleted. Left out unless they were asked for.", 0),
    more: field(z.boolean().optional(), `${MORE_TEXT} Left out unless failed jobs were asked for.`, false),
  }),
  "What a purge did.",
);
export type PurgeView = z.infer<typeof PurgeView>;

/** Failed jobs of one kind: one error code, and messages that differ only in numbers, ids, times and quotations. */
export const FailureView = described(
  z.strictObject({
    fingerprint: field(Fingerprint, "The name of the kind, to be used in filters.", EXAMPLE_FINGERPRINT),
    code: field(z.string(), "The error code that they share.", "smtp"),
    message: field(
      z.string(),
      "The message that they share, with placeholders for numbers, ids, times and quotations.",
      "timeout after <n> ms",
    ),
    count: field(z.int(), "How many failed jobs are of this kind, as far as the shards have them.", 2),
    first: field(Timestamp, "When the first of them failed.", ACCEPTED_AT),
    last: field(Timestamp, "When the last of them failed.", FINISHED_AT),
    sample: field(z.string(), "The id of the job that failed last.", EXAMPLE_JOB_ID),
  }),
  "Failed jobs of one kind: one error code, and messages that differ only in numbers, ids, times and quotations.",
);
export type FailureView = z.infer<typeof FailureView>;

export const FailureListView = pageOf(FailureView, "Kinds of failures, the most frequent first");
