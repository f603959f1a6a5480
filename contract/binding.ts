/**
 * What another Worker can ask of Dure over a service binding to the gateway's entrypoint `Dure`: the HTTP API's own words,
 * one method a call. The methods throw errors with `code`, `status` and `errors`, as a problem document has them.
 * RPC brings those over to callers with a compatibility date of 2026-04-21 or later (`enhanced_error_serialization`); others
 * get the message alone.
 */
import * as z from "zod";
import { Scope } from "./admin.ts";
import type { BatchBody, BatchView } from "./batch.ts";
import { Consistency, type ExplainView, type JobView, type SubmitInput } from "./job.ts";
import type { JobPatchInput } from "./job-patch.ts";
import { MAX_WAIT_SECONDS } from "./limits.ts";
import { Name } from "./primitives.ts";
import type { ClaimInput, ClaimView, ExtendInput, ExtendView, ReleaseBody, ReportInput, ReportsView } from "./pull.ts";
import { inSeconds, says } from "./sentence.ts";

/** What every call may say of its caller. */
export interface As {
  /** A whole API key, which stands above the binding's `props`. Left out, those say who calls. */
  key?: string;
  /** What the caller has seen so far: the `meta.bookmark` of its last answer. `session` reads see all of it. */
  bookmark?: string;
}

/** What a submission may say beside. */
export interface Traced {
  /** The trace to which the jobs belong, as W3C Trace Context writes it. */
  traceparent?: string;
}

/** No method of a binding reads metrics. */
const BindingScope = Scope.exclude(["metrics", "invoke"]);

/** Set by whoever writes the binding (`props` in its wrangler configuration): a key, or a namespace and scopes. */
export const DureProps = z.union(
  [
    z.strictObject({ key: z.string() }),
    z.strictObject({ namespace: Name, scopes: z.array(BindingScope).min(1).max(BindingScope.options.length) }),
  ],
  says("are an object with a `key`, or with a `namespace` and `scopes`"),
);
export type DureProps = z.infer<typeof DureProps>;

/** What HTTP says beside a view, in headers. What does not apply to a call is left out. */
export interface Meta {
  /** For `session` reads after this answer: they see all that it saw. */
  bookmark?: string;
  /** How fresh the answer is, and how many seconds old where it may be old. */
  consistency?: string;
  ageSeconds?: number;
  /** The idempotency key was known: what was accepted before is answered. */
  replayed?: true;
  /** Durably accepted, and to be committed by its shard later. */
  deferred?: true;
}

/** A view of the HTTP API. */
export type Answer<T> = T & { meta?: Meta };

/** What a header can hold as it is: it travels as one. */
const headerText = z
  .string(says("is a text of 1 to 4,096 characters of printable ASCII, without spaces around it"))
  .max(4096)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/);

/** As the header of HTTP: one that is not valid is ignored. */
const traced = { traceparent: z.string().optional() };
const as = { key: z.string().optional(), bookmark: headerText.optional() };
const seconds = z.number(inSeconds).min(0).max(MAX_WAIT_SECONDS).optional();

/** The last argument of each method, as the entrypoint takes it. */
export const BindingOptions = {
  none: z.strictObject(as),
  submit: z.strictObject({ ...as, ...traced, waitSeconds: seconds }),
  patch: z.strictObject({ ...as, ifVersion: z.int().min(1).optional() }),
  batch: z.strictObject({ ...as, ...traced, idempotencyKey: headerText.optional() }),
  get: z.strictObject({ ...as, consistency: Consistency.optional() }),
  wait: z.strictObject({ ...as, timeoutSeconds: seconds }),
  /** `claim` is checked where the reports are. */
  report: z.strictObject({ ...as, claim: z.unknown().optional() }),
};

/**
 * A job as it is sent. Of it, as of whatever else a call takes or answers that may be any JSON value (`result`, `checkpoint`), the text
 * may stand in place of the value, under the name with `Text` behind it; answers have both. A text arrives as it is.
 */
export type SentJob = SubmitInput | (Omit<SubmitInput, "payload"> & { payloadText: string });

/** Changes of a job, with the text of a payload as a job has it. */
export type SentPatch = JobPatchInput | (Omit<JobPatchInput, "payload"> & { payloadText: string });

/** A job as it is answered: with the text of its payload, and of its result once it has one. */
export type AnsweredJob = JobView & { payloadText: string; resultText?: string };

export interface DureBinding {
  /** `waitSeconds` (0..60) holds the answer until the job is final. */
  submit(job: SentJob, options?: As & Traced & { waitSeconds?: number }): Promise<Answer<AnsweredJob>>;
  submitBatch(batch: BatchBody, options?: As & Traced & { idempotencyKey?: string }): Promise<Answer<BatchView>>;
  get(id: string, options?: As & { consistency?: Consistency }): Promise<Answer<AnsweredJob>>;
  /** The job when it is final, or as it is after `timeoutSeconds` (0..60, default 60). */
  wait(id: string, options?: As & { timeoutSeconds?: number }): Promise<Answer<AnsweredJob>>;
  cancel(id: string, options?: As): Promise<Answer<AnsweredJob>>;
  /** Changes a job that is scheduled or queued; with `ifVersion` only that version of it. */
  patch(id: string, patch: SentPatch, options?: As & { ifVersion?: number }): Promise<Answer<AnsweredJob>>;
  /** Makes a scheduled job due. */
  runNow(id: string, options?: As): Promise<Answer<AnsweredJob>>;
  claim(queue: string, body?: ClaimInput, options?: As): Promise<Answer<ClaimView>>;
  /** Outcomes of attempts and, with `claim`, the next claim in the same call. */
  report(
    reports: ReportInput[],
    options?: As & { claim?: ClaimInput & { queue: string } },
  ): Promise<Answer<ReportsView>>;
  extend(lease: string, body?: ExtendInput, options?: As): Promise<Answer<ExtendView>>;
  /** Gives a job back to its place, without spending an attempt. */
  release(lease: string, body?: ReleaseBody, options?: As): Promise<Answer<AnsweredJob>>;
  /** Runs a failed or cancelled job again. Needs the scope `admin`. */
  retry(id: string, options?: As): Promise<Answer<AnsweredJob>>;
  /** Why the job does not run. */
  explain(id: string, options?: As): Promise<Answer<ExplainView>>;
}
