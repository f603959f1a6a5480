/**
 * For Workers that are bound to Dure's entrypoint (`service = "dure-gateway"`, `entrypoint = "Dure"`): the type of the
 * binding, and its errors as the client has them.
 */
import { DureError, networkError } from "./error.ts";
import type {
  Batch,
  BatchRequest,
  Claimed,
  ClaimRequest,
  Explanation,
  Extended,
  ExtendRequest,
  GetJobQuery,
  Job,
  JobPatch,
  Problem,
  ReleaseRequest,
  Reported,
  ReportRequest,
  ReportsRequest,
  SubmitRequest,
} from "./generated/types.ts";

export { DureError, type DureErrorCode, type ProblemCode } from "./error.ts";
export type * from "./generated/types.ts";

/** What every call may say of its caller. */
export interface CallerOptions {
  /** A whole API key, which stands above the binding's `props`. Left out, those say who calls. */
  key?: string;
  /** What the caller has seen so far: the `meta.bookmark` of its last answer. `session` reads see all of it. */
  bookmark?: string;
}

/** What a submission may say beside. */
export interface TraceOptions {
  /** The trace to which the jobs belong, as W3C Trace Context writes it. One that is not valid is ignored. */
  traceparent?: string;
}

/** The `props` of a binding, set by whoever writes it in a wrangler configuration: a key, or a namespace and scopes. */
export type BindingProps = { key: string } | { namespace: string; scopes: ("submit" | "read" | "work" | "admin")[] };

/** What HTTP says beside an answer, in headers. What does not apply to a call is left out. */
export interface AnswerMeta {
  /** For `session` reads after this answer: they see all that it saw. */
  bookmark?: string;
  /** How fresh the answer is. */
  consistency?: string;
  /** How many seconds old the answer is, where it may be old. */
  ageSeconds?: number;
  /** The idempotency key was known: what was accepted before is answered. */
  replayed?: true;
  /** Durably accepted, and to be committed by its shard later. */
  deferred?: true;
}

/** An answer of the HTTP API, and what its headers say. */
export type Answer<T> = T & { meta?: AnswerMeta };

/**
 * The binding: one method for each call of the HTTP API that another Worker makes. The methods throw errors with `code`,
 * `status` and `errors`, which `bindingError` makes a `DureError` of; a Worker with a compatibility date before 2026-04-21
 * gets the message alone.
 */
export interface DureBinding {
  /** Resolves when the job is durably accepted. `waitSeconds` (0 to 60) holds the answer until the job is final. */
  submit(job: SubmitRequest, options?: CallerOptions & TraceOptions & { waitSeconds?: number }): Promise<Answer<Job>>;
  /** Several jobs in one call. `idempotencyKey` replays the batch whole. */
  submitBatch(
    batch: BatchRequest,
    options?: CallerOptions & TraceOptions & { idempotencyKey?: string },
  ): Promise<Answer<Batch>>;
  /** The job as it is. */
  get(
    id: string,
    options?: CallerOptions & { consistency?: NonNullable<GetJobQuery["consistency"]> },
  ): Promise<Answer<Job>>;
  /** The job when it is final, or as it is after `timeoutSeconds` (0 to 60, left out: 60). */
  wait(id: string, options?: CallerOptions & { timeoutSeconds?: number }): Promise<Answer<Job>>;
  /** Refused (409) when the job is final. */
  cancel(id: string, options?: CallerOptions): Promise<Answer<Job>>;
  /** Changes a job that is scheduled or queued; with `ifVersion` only that version of it. */
  patch(id: string, patch: JobPatch, options?: CallerOptions & { ifVersion?: number }): Promise<Answer<Job>>;
  /** Makes a scheduled job due. */
  runNow(id: string, options?: CallerOptions): Promise<Answer<Job>>;
  /** Takes jobs of a queue that may start, each with a lease. */
  claim(queue: string, body?: ClaimRequest, options?: CallerOptions): Promise<Answer<Claimed>>;
  /** Outcomes of attempts and, with `claim`, the next claim in the same call. */
  report(
    reports: ReportRequest[],
    options?: CallerOptions & { claim?: NonNullable<ReportsRequest["claim"]> },
  ): Promise<Answer<Reported>>;
  /** A heartbeat, and what the job says of its progress. */
  extend(lease: string, body?: ExtendRequest, options?: CallerOptions): Promise<Answer<Extended>>;
  /** Gives a job back to its place, without spending an attempt. */
  release(lease: string, body?: ReleaseRequest, options?: CallerOptions): Promise<Answer<Job>>;
  /** Runs a failed or cancelled job again. Needs the scope `admin`. */
  retry(id: string, options?: CallerOptions): Promise<Answer<Job>>;
  /** Why the job does not run. */
  explain(id: string, options?: CallerOptions): Promise<Answer<Explanation>>;
}

/**
 * What a call of the binding threw, as a `DureError`: RPC carries the problem's members over, not the class. An error that
 * is no problem (the call broke off, nobody knows whether it was done) has the code `network` and the status 0.
 */
export function bindingError(thrown: unknown): DureError {
  if (thrown instanceof DureError) return thrown;
  const { type, title, status, detail, code, errors, retryAfter } = (thrown ?? {}) as Partial<Problem>;
  if (typeof code !== "string" || typeof status !== "number") return networkError(thrown);
  const problem = { type: type ?? `/problems/${code}`, title: title ?? "", status, detail: detail ?? "", code };
  const retryAfterMs = typeof retryAfter === "number" ? retryAfter * 1000 : null;
  return new DureError({ ...problem, ...(errors === undefined ? {} : { errors }) }, { retryAfterMs, cause: thrown });
}
