import type { NewJob, Submitted } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";

/** A submission with its place: everything of `NewJob` but the index of its queue. */
export interface AssignedJob {
  slot: number;
  settings: QueueSettings;
  job: Omit<NewJob, "queue">;
}

/** The job as the shard has just written it: what was sent, and what the shard answered. */
export function jobFromAccepted(assigned: AssignedJob, accepted: Extract<Submitted, { type: "accepted" }>): Job {
  const { job, settings } = assigned;
  return {
    id: job.id,
    namespace: settings.namespace,
    queue: settings.name,
    state: accepted.state,
    version: 1,
    attempt: 0,
    priority: job.priority,
    orderingKey: job.orderingKey,
    concurrencyKey: job.concurrencyKey,
    dedupKey: job.dedup?.key ?? null,
    idempotencyKey: job.idempotency?.key ?? null,
    ...(job.traceparent === undefined ? {} : { traceparent: job.traceparent }),
    tags: job.tags,
    timeoutMs: job.timeoutMs ?? settings.timeoutMs,
    retry: { ...settings.retry, ...job.retry },
    payload: job.payload,
    result: null,
    resultTruncated: false,
    error: null,
    createdAt: accepted.createdAt,
    runAt: accepted.runAt,
    startedAt: null,
    finishedAt: null,
    expiresAt: job.expiresAt,
    leaseExpiresAt: null,
    attempts: [],
  };
}
