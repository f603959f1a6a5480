import { z } from "zod";
import { MAX_REDRIVES_PER_SECOND } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Key, Name, Tag } from "./primitives.ts";
import { Timestamp } from "./time.ts";

/** Failed jobs as a set: what kinds there are, running them again, and discarding them. */

export const Fingerprint = z.string().regex(/^[0-9a-f]{16}$/);

/** Which failed jobs; all of them without a filter. Bounds in time are exclusive. */
export const DeadFilterBody = z.strictObject({
  errorCode: Key.optional(),
  fingerprint: Fingerprint.optional(),
  tag: Tag.optional(),
  orderingKey: Key.optional(),
  finishedAfter: Timestamp.optional(),
  finishedBefore: Timestamp.optional(),
  createdAfter: Timestamp.optional(),
  createdBefore: Timestamp.optional(),
});
export type DeadFilterBody = z.infer<typeof DeadFilterBody>;

export const RedriveBody = z.strictObject({
  filter: DeadFilterBody.optional(),
  /** JSON Merge Patch (RFC 7396) laid over every payload. A job whose payload would be too large is skipped. */
  patch: z.unknown().optional(),
  /** Another queue of the namespace: the jobs run there under new ids, and are discarded here. */
  queue: Name.optional(),
  ratePerSecond: z.number().gt(0).max(MAX_REDRIVES_PER_SECOND).optional(),
  dryRun: z.boolean().optional(),
});
export type RedriveBody = z.infer<typeof RedriveBody>;

/** `skipped` of the matched ones stayed as they are. `more`: the call did as much as one call does; send it again. */
export const RedriveView = z.strictObject({
  matched: z.int(),
  redriven: z.int(),
  skipped: z.int(),
  more: z.boolean(),
});
export type RedriveView = z.infer<typeof RedriveView>;

/** Without `failed` all waiting jobs are cancelled, with it the failed ones that match are discarded. */
export const PurgeBody = z
  .strictObject({ failed: z.boolean().optional(), filter: DeadFilterBody.optional() })
  .refine((body) => body.filter === undefined || body.failed === true, {
    error: "goes with failed: true only",
    path: ["filter"],
  });
export type PurgeBody = z.infer<typeof PurgeBody>;

/** `discarded` and `more` are there when failed jobs were asked for. */
export const PurgeView = z.strictObject({
  cancelled: z.int(),
  discarded: z.int().optional(),
  more: z.boolean().optional(),
});
export type PurgeView = z.infer<typeof PurgeView>;

/** Failed jobs of one kind: one error code, and messages that differ only in numbers, ids, times and quotations. */
export const FailureView = z.strictObject({
  fingerprint: Fingerprint,
  code: z.string(),
  /** With placeholders for what differs. */
  message: z.string(),
  count: z.int(),
  first: Timestamp,
  last: Timestamp,
  /** The id of the job that failed last. */
  sample: z.string(),
});
export type FailureView = z.infer<typeof FailureView>;

export const FailureListView = pageOf(FailureView);
