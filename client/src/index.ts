/** The TypeScript client of Dure: jobs over HTTP, and a worker that runs them. It needs `fetch` and nothing else. */

export type { Clock } from "./clock.ts";
export { Dure } from "./dure.ts";
export {
  DureError,
  type DureErrorCode,
  JobFailedError,
  JobPendingError,
  NonRetryable,
  type ProblemCode,
} from "./error.ts";
export type * from "./generated/types.ts";
export type { Jobs } from "./jobs.ts";
export { JsonText } from "./json-text.ts";
export type { Leases } from "./leases.ts";
export type { Log } from "./log.ts";
export type { Operations } from "./operations.ts";
export type { ProgressUpdate } from "./progress.ts";
export { defineQueue, type QueueDefinition } from "./queue-definition.ts";
export type { Queues } from "./queues.ts";
export type { ChangeOptions, ListOptions, PageOptions, ReadOptions, WaitOptions } from "./read-options.ts";
export { type Handler, type HandlerContext, Interrupted, type TypedJob } from "./running-job.ts";
export type { Schedules } from "./schedules.ts";
export type { Services } from "./services.ts";
export { ValidationError, type Validator, type ValidatorIssue, type ValidatorResult } from "./standard-schema.ts";
export type { Subscriptions } from "./subscriptions.ts";
export type { QueuedJob, TargetFailure, TargetJob } from "./target-job.ts";
export type { ClientOptions, Fetch } from "./transport.ts";
export type { Submission, SubmitOptions, TypedQueue } from "./typed-queue.ts";
export type { Worker, WorkerOptions } from "./worker.ts";
