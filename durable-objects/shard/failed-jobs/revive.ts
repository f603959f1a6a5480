import { MAX_PARTITIONS, MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { utf8Bytes } from "../../../contract/primitives.ts";
import type { Revival, Revived, ReviveReply, ReviveRequest, Unredrivable } from "../../../contract/rpc.ts";
import { fingerprintOf } from "../../../domain/fingerprint.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId, slotOfJob } from "../../../domain/job-id.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import { incarnationOf } from "../../../domain/queue.ts";
import { rankOf, SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import { partitionInSlot } from "../../../domain/slots.ts";
import { appendToLog, noteRestored } from "../jobs/history.ts";
import { BEGUN, type JobRow, type JobSpec, type StoredAttempt, toJob } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { noteIfLarge } from "../jobs/large-payloads.ts";
import { ROW_BYTES } from "../jobs/stored-size.ts";
import { restoreRow } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { admissionOf } from "../lifecycle/admission.ts";
import { discard } from "../lifecycle/discard.ts";
import { cannotReturn, redrive } from "../lifecycle/redrive.ts";
import { FROZEN_RETRY_MS } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { supersedes, takeSettings } from "../queues/queue-store.ts";

/** A job that came back to be moved, and was not, is history's alone again after this long. */
const KEEP_MOVING_MS = 3_600_000;

/**
 * Brings jobs back that history alone still has, each under its own id, and redrives or discards it in the same step:
 * so nothing is ever seen of a job that came back and did not go on, and a call that comes twice finds that it exists.
 */
export function revive(step: Step, request: ReviveRequest): ReviveReply {
  const queue = takeSettings(step, request.settings);
  if (supersedes(queue, request.settings)) return { type: "settings", settings: queue.settings };
  if (queue.frozenUntil > step.now) return { type: "busy", retryAfterMs: FROZEN_RETRY_MS };
  return { type: "revived", results: request.jobs.map((revival) => reviveOne(step, { queue, request, revival })) };
}

interface RevivalContext {
  queue: KnownQueue;
  request: ReviveRequest;
  revival: Revival;
}

function reviveOne(step: Step, { queue, request, revival }: RevivalContext): Revived {
  const { job, delayMs } = revival;
  if (step.get(JOBS).existing([job.id]).length > 0) return { type: "exists" };
  if (incarnationOf(queue.settings) !== incarnationOf(job)) return { type: "refused", because: "queue-deleted" };
  const partition = partitionOf(queue, job) ?? (request.action === "redrive" ? null : anyPartition(queue, job));
  if (partition === null) return { type: "refused", because: "repartitioned" };
  const row = rowOf(queue, job, { partition, movingTo: request.movingTo });
  const because = request.action === "redrive" ? cannotReturn(step, row) : null;
  if (because !== null) return { type: "refused", because };
  const payload = request.patch === null ? job.payload : mergePatchText(job.payload, request.patch, MAX_PAYLOAD_BYTES);
  if (payload === null) return { type: "too-large" };
  const full = roomFor(step, queue, { request, payload });
  if (full !== null) return { type: "refused", because: full };
  restoreRow(step, { ...row, payload });
  noteRestored(step, job.id);
  noteIfLarge(step, payload);
  if (request.action === "move") appendToLog(step, { ...row, succeeded: false }, step.now + KEEP_MOVING_MS);
  else if (request.action === "discard") discard(step, row);
  else if (redrive(step, row, delayMs) === null) throw new Error(`${job.id} was ${job.state} and cannot be redriven`);
  const after = step.get(JOBS).row(job.id);
  return { type: "revived", job: after === null ? null : toJob(after, queue.settings) };
}

/** Why there is no room for the row of a job that stays; null when there is, and for one that only comes to go. */
function roomFor(
  step: Step,
  { settings: { namespace } }: KnownQueue,
  { request, payload }: { request: ReviveRequest; payload: string },
): Unredrivable | null {
  if (request.action === "discard") return null;
  const bytes = utf8Bytes(payload) + ROW_BYTES;
  const admission = admissionOf(step);
  const full = admission.refusalToGrow(namespace, bytes);
  if (full === null) admission.grew(namespace, bytes);
  if (full === null) return null;
  return full.scope === "namespace" ? "namespace-full" : "shard-full";
}

function partitionOf({ settings }: KnownQueue, job: Job): number | null {
  const slot = parseJobId(job.id)?.slot ?? -1;
  const { orderingKey, concurrencyKey, dedupKey, idempotencyKey } = job;
  return partitionInSlot(settings, slot, { orderingKey, concurrencyKey, dedupKey, idempotencyKey });
}

/** For a job that comes back only to go: one in its slot, of any number of partitions that the queue may have had. */
function anyPartition({ settings }: KnownQueue, job: Job): number | null {
  const slot = parseJobId(job.id)?.slot ?? -1;
  return partitionInSlot({ ...settings, partitions: MAX_PARTITIONS }, slot, {
    orderingKey: null,
    idempotencyKey: null,
  });
}

function specOf({ retry, tags, idempotencyKey, parent, depth, traceparent }: Job, movingTo: string | null): JobSpec {
  const moving = movingTo === null ? {} : { movingTo };
  const origin = {
    ...(parent ? { parent } : {}),
    ...(depth ? { depth } : {}),
    ...(traceparent ? { traceparent } : {}),
  };
  return { retry, tags, idempotencyKey, ...moving, ...origin };
}

/** The row as it was when the job ended, as far as that is known. Its place in line follows from when it was made. */
function rowOf(
  { ref, settings }: KnownQueue,
  job: Job,
  { partition, movingTo }: { partition: number; movingTo: string | null },
): JobRow {
  const seq = job.createdAt * SEQUENCE_PER_MS;
  const attempts = job.attempts.map((attempt): StoredAttempt => ({ ...attempt, nonce: "" }));
  return {
    id: job.id,
    queue: ref,
    partition,
    slot: slotOfJob(job.id),
    seq,
    rank: rankOf(seq, job.priority, settings.priorityAgingMs),
    state: job.state,
    blocked: 0,
    counts_toward_limit: 0,
    priority: job.priority,
    ordering_key: job.orderingKey,
    concurrency_key: job.concurrencyKey,
    dedup_key: job.dedupKey,
    fingerprint: job.state === "failed" && job.error !== null ? fingerprintOf(job.error) : null,
    due_at: null,
    version: job.version,
    attempt: job.attempt,
    spent_before: 0,
    lease: null,
    worker: null,
    attempt_at: null,
    attempt_ends_at: null,
    lease_ends_at: null,
    timeout_ms: job.timeoutMs,
    created_at: job.createdAt,
    run_at: job.runAt,
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    expires_at: job.expiresAt,
    spec: JSON.stringify(specOf(job, movingTo)),
    error: job.error === null ? null : JSON.stringify(job.error),
    attempts: JSON.stringify(attempts),
    truncated: 0,
    returned: (job.delivery ?? job.attempt) - job.attempt,
    begun: BEGUN.yes,
    returns: null,
    result: null,
    payload: job.payload,
  };
}
