/**
 * What another Worker can ask of Dure over a service binding to the gateway's entrypoint `Dure`: the HTTP API's own words,
 * one method a call. The methods throw errors with `code`, `status` and `errors`, as a problem document has them.
 */
import type { BatchBody, BatchView } from "./batch.ts";
import type { Consistency, JobView, SubmitBody } from "./job.ts";
import type { ClaimInput, ClaimView, ExtendBody, ExtendView, ReportInput, ReportsView } from "./pull.ts";

/** Who calls: a whole API key. Left out, the binding's `props` say who it is. */
export interface As {
  key?: string;
}

/** Set by whoever writes the binding (`props` in its wrangler configuration): a key, or a namespace and scopes. */
export type DureProps = { key: string } | { namespace: string; scopes: ("submit" | "read" | "work" | "admin")[] };

export interface DureBinding {
  /** `waitSeconds` (0..60) holds the answer until the job is final. */
  submit(job: SubmitBody, options?: As & { waitSeconds?: number }): Promise<JobView>;
  submitBatch(batch: BatchBody, options?: As & { idempotencyKey?: string }): Promise<BatchView>;
  get(id: string, options?: As & { consistency?: Consistency; bookmark?: string }): Promise<JobView>;
  /** The job when it is final, or as it is after `timeoutSeconds` (0..60, default 60). */
  wait(id: string, options?: As & { timeoutSeconds?: number }): Promise<JobView>;
  cancel(id: string, options?: As): Promise<JobView>;
  claim(queue: string, body?: ClaimInput, options?: As): Promise<ClaimView>;
  report(reports: ReportInput[], options?: As): Promise<ReportsView>;
  extend(lease: string, body?: ExtendBody, options?: As): Promise<ExtendView>;
}
