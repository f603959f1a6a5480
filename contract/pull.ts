import { z } from "zod";
import { JobErrorBody } from "./error.ts";
import { JobView, SubmitBody } from "./job.ts";
import { DEFAULT_CLAIM, MAX_CLAIM, MAX_REPORTS, MAX_SPAWN, MAX_WAIT_SECONDS } from "./limits.ts";
import { Name, WorkerName } from "./primitives.ts";
import { ProblemView } from "./problem.ts";
import { ProgressBody } from "./progress.ts";
import { LeaseSeconds, RetryAfterSeconds, Timestamp } from "./time.ts";

/** What pull workers say and hear. Durations are seconds. */

const claim = {
  max: z.int().min(1).max(MAX_CLAIM).default(DEFAULT_CLAIM),
  wait: z.number().min(0).max(MAX_WAIT_SECONDS).default(0),
  /** Left out: each job's timeout. */
  leaseSeconds: LeaseSeconds.optional(),
  worker: WorkerName.optional(),
};

export const ClaimBody = z.strictObject(claim);
/** As parsed: `max` and `wait` are filled in. */
export type ClaimBody = z.output<typeof ClaimBody>;
/** As sent. */
export type ClaimInput = z.input<typeof ClaimBody>;

/** A lease is opaque. Its length only bounds what is looked at. */
export const Lease = z.string().min(1).max(512);

/** `checkpoint` is what an earlier attempt left, or null. */
export const ClaimedJobView = JobView.extend({ lease: z.string(), checkpoint: z.unknown() });
export type ClaimedJobView = z.infer<typeof ClaimedJobView>;

export const ClaimView = z.strictObject({ jobs: z.array(ClaimedJobView) });
export type ClaimView = z.infer<typeof ClaimView>;

/** Jobs that are accepted with a success: all of them together with it, or none and it neither. */
export const Spawn = z.array(SubmitBody).max(MAX_SPAWN);

/** One outcome. A `result` left out is null. */
export const ReportBody = z.discriminatedUnion("ok", [
  z.strictObject({ lease: Lease, ok: z.literal(true), result: z.unknown().optional(), spawn: Spawn.optional() }),
  z.strictObject({
    lease: Lease,
    ok: z.literal(false),
    error: JobErrorBody,
    /** Seconds, beyond the policy's `maxDelay` too. */
    retryAfter: RetryAfterSeconds.optional(),
  }),
]);
export type ReportBody = z.output<typeof ReportBody>;
/** As sent. */
export type ReportInput = z.input<typeof ReportBody>;

/** Outcomes, and the next claim in the same call. */
export const ReportsBody = z.strictObject({
  reports: z.array(ReportBody).max(MAX_REPORTS),
  claim: z.strictObject({ queue: Name, ...claim }).optional(),
});
export type ReportsBody = z.output<typeof ReportsBody>;

export const ReportItemView = z.discriminatedUnion("status", [
  /** `spawned`: the ids of the jobs it brought, in their order; left out where it brought none. */
  z.strictObject({ status: z.literal("recorded"), spawned: z.array(z.string()).optional() }),
  /** `cancelled: true` where the job was cancelled under this lease; left out otherwise. */
  z.strictObject({ status: z.literal("stale"), problem: ProblemView, cancelled: z.boolean().optional() }),
  /** Nothing was recorded and the lease stands: the queue of a spawned job was changed or deleted as the report came. */
  z.strictObject({ status: z.literal("refused"), problem: ProblemView }),
]);
export type ReportItemView = z.infer<typeof ReportItemView>;

/** `items` in the order of the reports; `jobs` is empty without a claim. */
export const ReportsView = z.strictObject({ items: z.array(ReportItemView), jobs: z.array(ClaimedJobView) });
export type ReportsView = z.infer<typeof ReportsView>;

export const SucceedBody = z.strictObject({ result: z.unknown().optional(), spawn: Spawn.optional() });
export type SucceedBody = z.infer<typeof SucceedBody>;

/** The job, and the ids of the jobs that its success brought, in their order; left out where it brought none. */
export const SucceededView = JobView.extend({ spawned: z.array(z.string()).optional() });
export type SucceededView = z.infer<typeof SucceededView>;

export const FailBody = z.strictObject({ error: JobErrorBody, retryAfter: RetryAfterSeconds.optional() });
export type FailBody = z.output<typeof FailBody>;

/** A heartbeat, and what the worker has to say with it. What is left out stays as it was. */
export const ExtendBody = z.strictObject({
  /** Left out: the job's timeout. */
  leaseSeconds: LeaseSeconds.optional(),
  progress: ProgressBody.optional(),
  /** Any JSON value of at most 64 KiB; null forgets the last one. */
  checkpoint: z.unknown().optional(),
});
export type ExtendBody = z.infer<typeof ExtendBody>;

/** `cancelled: true` tells the worker to stop; there is no lease end then. */
export const ExtendView = z.strictObject({ leaseExpiresAt: Timestamp.nullable(), cancelled: z.boolean() });
export type ExtendView = z.infer<typeof ExtendView>;
