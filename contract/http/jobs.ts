import { BatchEnvelope } from "../batch.ts";
import { JobGetQuery, JobListQuery } from "../job.ts";
import { parseSubmit } from "../parse-submit.ts";
import { accepted, call, ok } from "./call.ts";
import { JOB_ID } from "./parameters.ts";

export const JOBS_CALLS = {
  submitJob: call({
    method: "post",
    path: "/v1/jobs",
    scope: "submit",
    summary: "Submit a job",
    description:
      "Accepts a job durably: once this has answered, the job runs and is recorded once, whatever fails. It is queued at once, or scheduled with `delay` or `runAt`. With an idempotency key a second submission answers the first job.",
    body: "SubmitRequest",
    parse: parseSubmit,
    sends: ["Idempotency-Key", "Prefer", "traceparent"],
    answersWith: ["Dure-Accepted", "Dure-Replayed", "Preference-Applied"],
    bookmark: true,
    answers: [accepted("Job"), ok("Job", "Seen before, or already final")],
    problems: [
      "queue-not-found",
      "duplicate",
      "payload-too-large",
      "idempotency-mismatch",
      "timeout-too-long",
      "keys-need-one-partition",
      "backlog-full",
      "too-many-waiting",
      "shard-full",
    ],
  }),
  listJobs: call({
    method: "get",
    path: "/v1/jobs",
    scope: "read",
    heavy: true,
    summary: "List jobs, newest first",
    description:
      "Merges what the shards have with history. Each filter that is given narrows the list; `tag` and `orderingKey` need `queue`, `createdAfter` or `createdBefore` beside them. A call looks at a bounded number of jobs and takes a few seconds at most: a page may be short, or empty, and have a `nextCursor` all the same. Lists leave out `payload`, `result` and `attempts` unless `include` names them.",
    query: JobListQuery,
    answersWith: ["Dure-Consistency", "Age"],
    bookmark: true,
    answers: [ok("JobList", "A page")],
    problems: ["invalid-request"],
  }),
  getJob: call({
    method: "get",
    path: "/v1/jobs/{id}",
    parameters: { id: JOB_ID },
    scope: "read",
    summary: "Read a job, or wait until it is final",
    description:
      "Reads one job. The default is a linearizable read of its shard; a job that has left its shard is read from history.",
    query: JobGetQuery,
    sends: ["Prefer", "If-None-Match"],
    answersWith: ["Dure-Consistency", "Age", "ETag", "Cache-Control", "Preference-Applied"],
    bookmark: true,
    answers: [ok("Job", "The job as it is"), { status: 304, description: "Succeeded, and unchanged for ever" }],
    problems: ["invalid-request", "job-not-found", "too-many-waiting"],
  }),
  explainJob: call({
    method: "get",
    path: "/v1/jobs/{id}/explain",
    parameters: { id: JOB_ID },
    scope: "read",
    heavy: true,
    summary: "Say why a job is not running",
    description:
      "Says what the job waits for, in one reason and one sentence: an ordering key, a limit, a rate, a pause, a worker that does not come, or its time.",
    answersWith: ["Dure-Consistency", "Age"],
    bookmark: true,
    answers: [ok("Explanation")],
    problems: ["job-not-found"],
  }),
  cancelJob: call({
    method: "post",
    path: "/v1/jobs/{id}/cancel",
    parameters: { id: JOB_ID },
    scope: "submit",
    summary: "Cancel a job",
    description:
      "Cancels a job that is not final. One that runs is told with its next heartbeat, and its report changes nothing.",
    body: "EmptyRequest",
    bodyOptional: true,
    bookmark: true,
    answers: [ok("Job", "Cancelled")],
    problems: ["job-not-found", "invalid-state"],
  }),
  retryJob: call({
    method: "post",
    path: "/v1/jobs/{id}/retry",
    parameters: { id: JOB_ID },
    scope: "admin",
    summary: "Run a failed or cancelled job again",
    description:
      "Brings a failed or cancelled job back to its place in the queue. `attempt` goes on counting, the budget of attempts begins anew, and an `expiresAt` in the past is dropped.",
    body: "EmptyRequest",
    bodyOptional: true,
    bookmark: true,
    answers: [ok("Job", "Queued again")],
    problems: ["job-not-found", "queue-not-found", "invalid-state"],
  }),
  submitBatch: call({
    method: "post",
    path: "/v1/batches",
    scope: "submit",
    summary: "Submit up to 1000 jobs",
    description:
      "Each job is accepted by itself, or with `atomic` all of them or none, over any number of shards. The answer lists the jobs in the order in which they were sent.",
    body: "BatchRequest",
    parse: (value) => BatchEnvelope.safeParse(value),
    sends: ["Idempotency-Key", "traceparent"],
    answersWith: ["Dure-Replayed"],
    bookmark: true,
    answers: [accepted("Batch"), ok("Batch", "All were seen before")],
    problems: ["batch-refused", "idempotency-mismatch", "idempotency-undecided", "backlog-full", "shard-full"],
  }),
};
