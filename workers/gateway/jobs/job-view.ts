import type { AttemptView, JobListItem, JobView } from "../../../contract/job.ts";
import { JsonText } from "../../../contract/json-text.ts";
import type { RetryView } from "../../../contract/retry.ts";
import type { JobFields } from "../../../contract/rpc.ts";
import { formatTimestamp, msToSeconds } from "../../../contract/time.ts";
import type { Attempt, Job, Progress, RetryPolicy } from "../../../domain/job/job.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";

/** A job in one of `State`. */
type JobIn<State> = Omit<Job, "state"> & { state: State };

/** A job in the words and units of the API. */
export function jobView(job: Job | AcceptedJob): JobView {
  return listItem(job, ALL) as JobView;
}

const ALL: JobFields = { payload: true, result: true, attempts: true };

/** As `jobView`, with the heavy fields only where `include` names them. */
export function listItem<State>(job: JobIn<State>, include: JobFields): Omit<JobListItem, "state"> & { state: State } {
  return {
    id: job.id,
    namespace: job.namespace,
    queue: job.queue,
    state: job.state,
    version: job.version,
    attempt: job.attempt,
    delivery: job.delivery ?? job.attempt,
    maxAttempts: job.retry.maxAttempts,
    priority: job.priority,
    orderingKey: job.orderingKey,
    concurrencyKey: job.concurrencyKey,
    dedupKey: job.dedupKey,
    idempotencyKey: job.idempotencyKey,
    parent: job.parent ?? null,
    depth: job.depth ?? 0,
    traceparent: job.traceparent ?? null,
    tags: job.tags,
    timeout: msToSeconds(job.timeoutMs),
    retry: retryView(job.retry),
    ...(include.payload ? { payload: new JsonText(job.payload) } : {}),
    ...(include.result ? { result: job.result === null ? null : new JsonText(job.result) } : {}),
    resultTruncated: job.resultTruncated,
    ...(include.payload ? { payloadKept: job.payloadKept ?? true } : {}),
    error: job.error,
    createdAt: formatTimestamp(job.createdAt),
    runAt: formatTimestamp(job.runAt),
    startedAt: timeOrNull(job.startedAt),
    finishedAt: timeOrNull(job.finishedAt),
    expiresAt: timeOrNull(job.expiresAt),
    leaseExpiresAt: timeOrNull(job.leaseExpiresAt),
    progress: progressView(job.progress ?? null),
    ...(include.attempts ? { attempts: job.attempts.map(attemptView) } : {}),
  };
}

function attemptView(attempt: Attempt): AttemptView {
  return {
    number: attempt.number,
    startedAt: formatTimestamp(attempt.startedAt),
    finishedAt: timeOrNull(attempt.finishedAt),
    outcome: attempt.outcome,
    error: attempt.error,
    worker: attempt.worker,
    ...(attempt.warning === undefined ? {} : { warning: attempt.warning }),
  };
}

function progressView(progress: Progress | null): JobView["progress"] {
  return progress === null ? null : { ...progress, at: formatTimestamp(progress.at) };
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : formatTimestamp(at);
}

/** A policy in API units. */
export function retryView(retry: RetryPolicy): RetryView {
  return {
    maxAttempts: retry.maxAttempts,
    backoff: retry.backoff,
    delay: msToSeconds(retry.delayMs),
    maxDelay: msToSeconds(retry.maxDelayMs),
    jitter: retry.jitter,
  };
}
