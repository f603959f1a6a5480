import { z } from "zod";

/** Errors on the wire: `application/problem+json`, RFC 9457. */

/** Every problem the API can answer. The code is the last part of `type`. */
export const PROBLEMS = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  unauthorized: { status: 401, title: "A valid API key is needed" },
  forbidden: { status: 403, title: "The API key does not allow this" },
  "not-found": { status: 404, title: "There is nothing here" },
  "job-not-found": { status: 404, title: "There is no such job" },
  "queue-not-found": { status: 404, title: "There is no such queue" },
  "schedule-not-found": { status: 404, title: "There is no such schedule" },
  "subscription-not-found": { status: 404, title: "There is no such subscription" },
  "lease-not-found": { status: 404, title: "There never was such a lease" },
  "namespace-not-found": { status: 404, title: "There is no such namespace" },
  "key-not-found": { status: 404, title: "There is no such API key" },
  "operation-not-found": { status: 404, title: "There is no such operation" },
  "method-not-allowed": { status: 405, title: "The method is not allowed here" },
  "invalid-state": { status: 409, title: "The job's state does not allow this" },
  "key-not-blocked": { status: 409, title: "No failed job blocks the ordering key" },
  "stale-lease": { status: 409, title: "The lease is no longer the current one" },
  "not-a-pull-queue": { status: 409, title: "The queue's jobs are pushed, not claimed" },
  "queue-has-jobs": { status: 409, title: "The queue has unfinished jobs" },
  "queue-has-starts": { status: 409, title: "The queue still counts starts under its rate" },
  "queue-has-keys": { status: 409, title: "The queue still remembers keys" },
  duplicate: { status: 409, title: "The deduplication key is held by an earlier job" },
  "idempotency-undecided": { status: 409, title: "The batch that holds the idempotency key is not decided" },
  "queue-protected": { status: 409, title: "The default queue always exists" },
  "version-mismatch": { status: 412, title: "It has another version by now" },
  "body-too-large": { status: 413, title: "The request body is too large" },
  "payload-too-large": { status: 413, title: "The payload is too large" },
  "result-too-large": { status: 413, title: "The result is too large" },
  "checkpoint-too-large": { status: 413, title: "The checkpoint is too large" },
  "unsupported-media-type": { status: 415, title: "The request body must be JSON" },
  "idempotency-mismatch": { status: 422, title: "The idempotency key was used with another body" },
  "batch-refused": { status: 422, title: "The batch was refused" },
  "target-refused": { status: 422, title: "The target is not allowed" },
  "handler-not-found": { status: 422, title: "There is no such handler" },
  "limit-below-partitions": { status: 422, title: "The limit is below the number of partitions" },
  "keys-need-one-partition": { status: 422, title: "These keys go together on one partition only" },
  "timeout-too-long": { status: 422, title: "The timeout is too long for the queue's target" },
  "too-many-subscriptions": { status: 422, title: "The namespace has as many subscriptions as it may" },
  "too-many-operations": { status: 429, title: "Too many operations run" },
  "rate-limited": { status: 429, title: "Too many requests" },
  "backlog-full": { status: 429, title: "Too many jobs of the queue are waiting" },
  internal: { status: 500, title: "Something went wrong here" },
  "shard-full": { status: 503, title: "The shard cannot hold more jobs" },
  unavailable: { status: 503, title: "Not available for a moment" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
export type ProblemStatus = (typeof PROBLEMS)[ProblemCode]["status"];

/** One fault in a request. `pointer` is a JSON Pointer (RFC 6901) into the body. */
export const ProblemError = z.strictObject({ pointer: z.string(), detail: z.string() });
export type ProblemError = z.infer<typeof ProblemError>;

/** `code` is open on the wire: codes may be added, and a problem may have members of its own (RFC 9457, 3.2). */
export const ProblemView = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  code: z.string(),
  errors: z.array(ProblemError).optional(),
});
export type ProblemView = z.infer<typeof ProblemView>;

/** The problem of `code`; title and status come from the table. */
export function problem(
  code: ProblemCode,
  detail: string,
  errors?: ProblemError[],
): ProblemView & { code: ProblemCode; status: ProblemStatus } {
  const { status, title } = PROBLEMS[code];
  return { type: `/problems/${code}`, title, status, detail, code, ...(errors === undefined ? {} : { errors }) };
}

/** More than this many faults of one request help nobody, and a hostile body could have a million. */
const MAX_ERRORS = 50;

/** The faults zod found. `prefix` is the pointer of the parsed value in the body ("" for the whole, "/jobs/13"). */
export function errorsOf(error: z.ZodError, prefix = ""): ProblemError[] {
  const errors: ProblemError[] = [];
  for (const issue of error.issues) {
    const pointer = prefix + issue.path.map((part) => `/${escapePointer(String(part))}`).join("");
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys.slice(0, MAX_ERRORS)) {
        errors.push({ pointer: `${pointer}/${escapePointer(key)}`, detail: "Unknown field" });
      }
    } else {
      errors.push({ pointer, detail: issue.message });
    }
    if (errors.length >= MAX_ERRORS) return errors.slice(0, MAX_ERRORS);
  }
  return errors;
}

/** Names in a pointer can be a caller's own unknown keys: cut so that an answer stays small. */
function escapePointer(part: string): string {
  return part.slice(0, 200).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}
