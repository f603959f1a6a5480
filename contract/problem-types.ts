import {
  MAX_BODY_BYTES,
  MAX_CHECKPOINT_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PULL_TIMEOUT_SECONDS,
  MAX_PUSH_TIMEOUT_SECONDS,
  MAX_RESULT_BYTES,
  MAX_RUNNING_OPERATIONS,
} from "./limits.ts";
import { NOT_FOUND } from "./not-found-types.ts";
import type { ProblemExplanation } from "./problem-explanation.ts";
import { PROXY_PROBLEMS } from "./proxy-problem-types.ts";
import { formatBytes } from "./sentence.ts";
import { LONG_TARGETS } from "./target.ts";

/** Every problem that the API can answer, with what its readers need to know. `GET /problems/{code}` tells it. */

/** The code is the last part of a problem's `type`. */
export const PROBLEMS = {
  "invalid-request": {
    status: 400,
    title: "The request is not valid",
    happened: "The request alone is wrong: a field, a parameter, a header, or JSON that cannot be read.",
    remedy:
      "Read `errors`: each entry has a JSON Pointer to a field and a sentence that says what the field has to be.",
    retry: "no",
  },
  unauthorized: {
    status: 401,
    title: "A valid API key is needed",
    happened: "The request has no API key, or one that is malformed, unknown, expired or revoked.",
    remedy: "Send `Authorization: Bearer dure_…`, with the whole text of a key that is neither revoked nor expired.",
    retry: "changed",
  },
  forbidden: {
    status: 403,
    title: "The API key does not allow this",
    happened: "The API key is good, and lacks the scope of this call, or the call is the root key's alone.",
    remedy: "Use a key with the scope that `detail` names. The scope `admin` implies the others, apart from `metrics`.",
    retry: "changed",
  },
  "beyond-own-key": {
    status: 422,
    title: "A key cannot give more than it has",
    happened: "The key that was to be made would outlive the key that makes it, or stand too far below the root key.",
    remedy: "Leave `expiresAt` out, or name a time before the end of the key that makes it; or use another key.",
    retry: "changed",
  },
  ...NOT_FOUND,
  "method-not-allowed": {
    status: 405,
    title: "The method is not allowed here",
    happened: "The path exists, and does not take this method.",
    remedy: "Use one of the methods in the header `Allow`.",
    retry: "no",
  },
  "invalid-state": {
    status: 409,
    title: "The job's state does not allow this",
    happened:
      "The job is in a state that does not allow the call: a final job cannot be cancelled, one that is not failed or cancelled cannot be retried, and some jobs can never come back.",
    remedy:
      "Read the job: `detail` says what stands in the way. When the job is as you want it, there is nothing to do.",
    retry: "no",
  },
  "key-not-blocked": {
    status: 409,
    title: "No failed job blocks the ordering key",
    happened: "Nothing blocks the ordering key, or another failed job than the one that `jobId` names.",
    remedy: "List the parked keys with `GET /v1/queues/{queue}/keys`, and decide about the job that blocks it now.",
    retry: "no",
  },
  "stale-lease": {
    status: 409,
    title: "The lease is no longer the current one",
    happened: "The attempt has ended without this report: its lease or its timeout ran out, or the job was cancelled.",
    remedy:
      "Drop the work: the job runs under another lease, waits for its next attempt, or is final. Leases that end too early ask for a longer `leaseSeconds`, or for heartbeats.",
    retry: "no",
  },
  "not-a-pull-queue": {
    status: 409,
    title: "The queue's jobs are pushed, not claimed",
    happened: "The jobs of the queue go to a handler or a URL, so no worker can claim them.",
    remedy: "Claim from another queue, or put this one with a target of type `pull` or `consumer`.",
    retry: "changed",
  },
  "queue-has-jobs": {
    status: 409,
    title: "The queue has unfinished jobs",
    happened: "A queue with unfinished jobs cannot be deleted, nor have another number of partitions.",
    remedy: "Let the jobs finish, or purge the queue and wait for those that run; or leave `partitions` as it is.",
    retry: "changed",
  },
  "queue-has-starts": {
    status: 409,
    title: "The queue still counts starts under its rate",
    happened:
      "The number of partitions cannot change while starts count under a rate, because each partition counts its own.",
    remedy: "Wait until the time in `detail` with the queue paused, or leave `partitions` as it is.",
    retry: "later",
  },
  "queue-has-keys": {
    status: 409,
    title: "The queue still remembers keys",
    happened:
      "The number of partitions cannot change while idempotency or deduplication keys are remembered or ordering keys are parked, because a key's partition would be another one.",
    remedy: "Resume or unblock parked keys and wait until the windows of the others end; or use another queue.",
    retry: "changed",
  },
  duplicate: {
    status: 409,
    title: "The deduplication key is held by an earlier job",
    happened: 'The job was submitted with `onConflict: "reject"`, and an earlier job holds its deduplication key.',
    remedy: "Nothing, when the earlier job, which `detail` names, will do. Otherwise wait until the key's window ends.",
    retry: "no",
  },
  "idempotency-undecided": {
    status: 409,
    title: "The batch that holds the idempotency key is not decided",
    happened: "An atomic batch that is being decided holds a key of the job, so nobody can say yet which job answers.",
    remedy: "Send the same request again after a second: the batch is decided by then.",
    retry: "later",
  },
  "namespace-protected": {
    status: 409,
    title: "The default namespace always exists",
    happened: "The namespace `default` cannot be deleted.",
    remedy: "Delete its queues, schedules, subscriptions and keys one by one.",
    retry: "no",
  },
  "namespace-deleting": {
    status: 409,
    title: "The namespace is being deleted",
    happened: "The namespace is being deleted, and its name is not free before that is done.",
    remedy: "Wait until `GET /v1/namespaces/{name}` answers 404, or use another name.",
    retry: "later",
  },
  "queue-protected": {
    status: 409,
    title: "The default queue always exists",
    happened: "The queue `default` cannot be deleted.",
    remedy: "Pause or purge it. `PUT /v1/queues/default` changes its settings.",
    retry: "no",
  },
  "service-in-use": {
    status: 409,
    title: "Queues send their jobs to the service",
    happened: "The target of a queue names the service, so it cannot be deleted. `detail` names the queue.",
    remedy: "Give the queue another target, or delete it. A service keeps its name when its instances change.",
    retry: "changed",
  },
  "version-mismatch": {
    status: 412,
    title: "It has another version by now",
    happened:
      "The request carries `If-Match` with a version that is not the current one: somebody has changed or deleted the thing since it was read.",
    remedy: "Read it again, decide whether the change still makes sense, and send it with the new `ETag`.",
    retry: "changed",
  },
  "body-too-large": {
    status: 413,
    title: "The request body is too large",
    happened: `The body of the request is larger than ${formatBytes(MAX_BODY_BYTES)}.`,
    remedy: "Send fewer jobs or reports in one request, or keep large inputs elsewhere and send where they are.",
    retry: "no",
  },
  "payload-too-large": {
    status: 413,
    title: "The payload is too large",
    happened: `The JSON text of a payload is larger than ${formatBytes(MAX_PAYLOAD_BYTES)}.`,
    remedy: "Keep the input elsewhere, and send where it is.",
    retry: "no",
  },
  "result-too-large": {
    status: 413,
    title: "The result is too large",
    happened: `The JSON text of a result is larger than ${formatBytes(MAX_RESULT_BYTES)}. The report was not recorded, and the lease stands.`,
    remedy: "Store the result elsewhere and report where it is, before the lease ends.",
    retry: "no",
  },
  "checkpoint-too-large": {
    status: 413,
    title: "The checkpoint is too large",
    happened: `The JSON text of a checkpoint is larger than ${formatBytes(MAX_CHECKPOINT_BYTES)}. The lease was not extended.`,
    remedy: "Store the state elsewhere, send where it is, and extend again before the lease ends.",
    retry: "no",
  },
  "unsupported-media-type": {
    status: 415,
    title: "The request body must be JSON",
    happened: "The request has a body whose content type is not JSON.",
    remedy: "Send `content-type: application/json`.",
    retry: "no",
  },
  "idempotency-mismatch": {
    status: 422,
    title: "The idempotency key was used with another body",
    happened: "The idempotency key belongs to an earlier request whose body was another one.",
    remedy: "Make one key for each thing that you mean to submit. To repeat a request, send its body as it was.",
    retry: "no",
  },
  "batch-refused": {
    status: 422,
    title: "The batch was refused",
    happened: "No job of the batch was accepted: all were refused, or the batch is atomic and at least one was.",
    remedy: "Read `errors`: each entry points to a job of the batch. Mend those and send the batch again.",
    retry: "no",
  },
  "target-refused": {
    status: 422,
    title: "The target is not allowed",
    happened:
      "The URL of the target leads to an address that is not public, to a port of another protocol, to the platform itself, or to a host that the deployment does not let be called. The detail says which.",
    remedy:
      "Use a public address, and port 80, 443 or one from 1024 on. On a network of your own the variable `ALLOW_PRIVATE_TARGETS` allows private ones; `TARGET_HOSTS` says which hosts may be called, and `PLATFORM_HOSTS` which are the platform's.",
    retry: "changed",
  },
  "secret-not-stored": {
    status: 422,
    title: "There is no secret to keep",
    happened:
      "`***` was sent in place of a header's value or of a part of the URL, and the target has none there, or has it for another origin.",
    remedy: "Send the value itself. `***` keeps a value as long as scheme, host and port of the URL stay.",
    retry: "changed",
  },
  "handler-not-found": {
    status: 422,
    title: "There is no such handler",
    happened: "The processor has no handler of the name that the target gives.",
    remedy: "Add the handler to the processor and deploy it, or correct the name.",
    retry: "changed",
  },
  "binding-not-found": {
    status: 422,
    title: "There is no such binding",
    happened: "The deployment lists no binding of the processor of the name and the kind that the target gives.",
    remedy:
      "Add the binding to the processor, and its name to the variable `TARGET_BINDINGS` of both Workers, or correct the name.",
    retry: "changed",
  },
  "limit-below-partitions": {
    status: 422,
    title: "The limit is below the number of partitions",
    happened:
      "`concurrency`, `rate` and `maxBacklog` are divided over the partitions of a queue, and the part of one would be zero.",
    remedy:
      "Raise the limit to the number of partitions at least, or lower `partitions`: with 1 any limit is kept exactly.",
    retry: "no",
  },
  "keys-need-one-partition": {
    status: 422,
    title: "These keys go together on one partition only",
    happened:
      "The job has an ordering key and a concurrency key, each of which decides its partition, and its queue has several.",
    remedy: "Leave one of the keys out, or use a queue with `partitions: 1`.",
    retry: "changed",
  },
  "timeout-too-long": {
    status: 422,
    title: "The timeout is too long for the queue's target",
    happened: `An attempt may take ${MAX_PUSH_TIMEOUT_SECONDS / 60} minutes at most, or ${MAX_PULL_TIMEOUT_SECONDS / 3600} hours in a queue whose target is ${LONG_TARGETS}.`,
    remedy: `Shorten the timeout, or use a queue with a target ${LONG_TARGETS}.`,
    retry: "changed",
  },
  "too-many-subscriptions": {
    status: 422,
    title: "The namespace has as many subscriptions as it may",
    happened: "The namespace has as many subscriptions as its limits allow. `detail` has the number.",
    remedy:
      "Delete one that nobody needs, or let one subscription have more events or a wider filter. The root key raises the limit with `PATCH /v1/namespaces/{name}`.",
    retry: "changed",
  },
  "limit-reached": {
    status: 422,
    title: "The namespace has as many of these as it may",
    happened:
      "The namespace has as many queues, schedules, services or API keys as its limits allow. `detail` has the number.",
    remedy:
      "Delete one that nobody needs. The root key reads limits with `GET /v1/namespaces/{name}`, and raises them with `PATCH`.",
    retry: "changed",
  },
  "spawned-too-deep": {
    status: 422,
    title: "The job is as many successes deep as its namespace allows",
    happened:
      "A success brings jobs, and its own job was brought by a success, and so on, as often as `spawnDepth` of the namespace allows. Nothing was recorded, and the lease stands.",
    remedy:
      "Report the success without jobs, and submit them. Where such a chain is meant, the root key raises `spawnDepth` with `PATCH /v1/namespaces/{name}`.",
    retry: "changed",
  },
  "too-many-operations": {
    status: 429,
    title: "Too many operations run",
    happened: `A namespace has ${MAX_RUNNING_OPERATIONS} operations at most that are not done.`,
    remedy: "Wait until one is done: `GET /v1/operations` says how far they are.",
    retry: "later",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    happened:
      "The API key, or all keys of its namespace together, have used up their requests of this window, too many lists of its namespace are under way at once, or too many bad keys came from this address.",
    remedy:
      "Wait as long as `Retry-After` says. Batches and reports carry many jobs in one request; the description of a call says what it takes off the budget.",
    retry: "later",
  },
  "too-many-waiting": {
    status: 429,
    title: "Too many requests wait",
    happened:
      "As many requests of the API key, or of the namespace, wait for jobs or for the end of a job as may at a time.",
    remedy: "Wait as long as `Retry-After` says, or ask without a wait. One claim brings up to 100 jobs.",
    retry: "later",
  },
  "backlog-full": {
    status: 429,
    title: "Too many jobs of the queue are waiting",
    happened: "As many jobs wait in the queue as its `maxBacklog` lets in for a job of this priority.",
    remedy: "Wait as long as `Retry-After` says, submit with a higher priority, add workers, or raise `maxBacklog`.",
    retry: "later",
  },
  "namespace-full": {
    status: 429,
    title: "The namespace has as much as it may have",
    happened:
      "The namespace has as many unfinished jobs, or as many bytes of jobs, as its limits let it have on the shard of the job: each shard has its share of them.",
    remedy:
      "Wait as long as `Retry-After` says. Finished and deleted jobs make room; the root key raises limits with `PATCH /v1/namespaces/{name}`.",
    retry: "later",
  },
  internal: {
    status: 500,
    title: "Something went wrong here",
    happened: "A fault of Dure's own. Whether the request was carried out is not known.",
    remedy:
      "Send it again, a submission with its idempotency key; if it stays, report the `x-request-id` of the answer.",
    retry: "later",
  },
  "shard-full": {
    status: 503,
    title: "The shard cannot hold more jobs",
    happened: "The shard of the job holds as much as it can for a job of this priority.",
    remedy: "Wait as long as `Retry-After` says. Lower retentions and finished or deleted jobs make room.",
    retry: "later",
  },
  ...PROXY_PROBLEMS,
  "job-quarantined": {
    status: 503,
    title: "Work on this job fails in Dure",
    happened:
      "What Dure has stored of the job cannot be read or changed, which is a fault of Dure. The job is set aside, so that it harms no other: it keeps its state, its place in line and its ordering key, and is tried again with a backoff and whenever somebody asks for it. The audit names it. A job that was set aside can often still be cancelled.",
    remedy:
      "Send the call again after `Retry-After`. Where it stays so, whoever runs Dure finds the fault in the logs (`shard.set-aside`) and in `GET /v1/audit`.",
    retry: "later",
  },
  unavailable: {
    status: 503,
    title: "Not available for a moment",
    happened: "A part of Dure that the call needs does not answer. Whether the request was carried out is not known.",
    remedy: "Send it again after `Retry-After`, a submission with its idempotency key, so that nothing is done twice.",
    retry: "later",
  },
} as const satisfies Record<string, ProblemExplanation>;

/** A code of the table. */
export type ProblemCode = keyof typeof PROBLEMS;
export type ProblemStatus = (typeof PROBLEMS)[ProblemCode]["status"];
