import { EXAMPLE_LEASE } from "../examples.ts";

/** What stands in a path. */
export interface Parameter {
  /** A sentence. */
  description: string;
  example: string;
}

export const QUEUE: Parameter = { description: "The name of a queue.", example: "emails" };
export const SCHEDULE: Parameter = { description: "The name of a schedule.", example: "nightly-report" };
export const SUBSCRIPTION: Parameter = { description: "The name of a subscription.", example: "audit-trail" };
export const SERVICE: Parameter = { description: "The name of a service.", example: "mailer" };
export const NAMESPACE: Parameter = { description: "The name of a namespace.", example: "tenant-a" };
export const JOB_ID: Parameter = {
  description: "The id of a job, as the answer to its submission has it.",
  example: "job_01m8jgehhrecjavekknnz29g4d",
};
export const OPERATION_ID: Parameter = {
  description: "The id of a bulk operation, as the answer that started it has it.",
  example: "op_01m8jgehhrecjavekknnz29g4d",
};
export const KEY_ID: Parameter = {
  description: "The id of an API key: the part of the key between its underscores.",
  example: "01m8jgehhrecjavekknnz29g4d",
};
export const LEASE: Parameter = {
  description: "The lease under which a worker claimed the job.",
  example: EXAMPLE_LEASE,
};
export const PROBLEM_CODE: Parameter = {
  description: "The `code` of a problem, which is the end of its `type`.",
  example: "queue-not-found",
};
export const PROXY_PATH: Parameter = {
  description: "The path at the instance, behind its URL; it may have slashes, and may be left out.",
  example: "send",
};
