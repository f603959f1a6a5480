import { utf8Bytes } from "../../../contract/primitives.ts";
import type { NewJob, SubmitRequest, Submitted } from "../../../contract/rpc.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { incarnationOf } from "../../../domain/queue.ts";
import { rankOf } from "../../../domain/rank.ts";
import type { RejectedAtCommitCode } from "../../../domain/rejected-at-commit.ts";
import { keysClash, partitionOf } from "../../../domain/slots.ts";
import { BLOCKS, type JobHead } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { accept, transition } from "../jobs/transition.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { FROZEN_RETRY_MS } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES, supersedes, takeSettings } from "../queues/queue-store.ts";
import { admissionOf, type Full } from "./admission.ts";
import { applyDeadline } from "./deadlines.ts";
import { slotOfNew, specOf } from "./new-job.ts";
import type { DecidedJob, SubmitOutcome } from "./submit-outcome.ts";

type AcceptDecided = (step: Step, jobs: DecidedJob[]) => Submitted[];

/**
 * Takes jobs that were accepted without this shard (`SubmitRequest.deferred`). Each becomes a row, so that it has one
 * end that history keeps, and a message that comes twice finds it: also one that cannot run, which is written as
 * cancelled and not as failed, so that nobody redrives it with the failures of its queue, and never comes back in line
 * (`rejectedAtCommit`). `acceptDecided` takes a job as one of a batch that was decided.
 */
export function submitDeferred(step: Step, request: SubmitRequest, acceptDecided: AcceptDecided): SubmitOutcome {
  const queues: KnownQueue[] = [];
  for (const settings of request.queues) {
    if (step.get(NAMESPACES).isGone(settings.namespace)) return nothingOf(request);
    const queue = takeSettings(step, settings);
    if (supersedes(queue, settings)) return { type: "settings", settings: queue.settings };
    if (queue.frozenUntil > step.now) return { type: "busy", retryAfterMs: FROZEN_RETRY_MS };
    queues.push(queue);
  }
  const results: Submitted[] = [];
  for (const job of request.jobs) {
    const named = queues[job.queue];
    if (named === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    const queue = queueAtAcceptance(step, named, job);
    const before = committedBefore(step, job.id);
    const full = before === null ? roomFor(step, queue, job) : null;
    // What was taken in before it is found when all are sent again.
    if (full !== null) return { type: "busy", retryAfterMs: full.retryAfterMs };
    results.push(before ?? take(step, { queue, job }, acceptDecided));
  }
  return { type: "submitted", results };
}

/**
 * The queue that had the name when the job was accepted: of one that was deleted and made again meanwhile the job is none, and
 * ends as one of the deleted queue. Where that is forgotten here, the later one has to bear its end.
 */
function queueAtAcceptance(step: Step, queue: KnownQueue, { createdAt }: NewJob): KnownQueue {
  const { namespace, name, createdAt: since } = queue.settings;
  if (incarnationOf(queue.settings) === 0 || createdAt === null || createdAt >= since) return queue;
  const [first, ...rest] = step.get(QUEUES).superseded(namespace, name);
  if (first === undefined) return { ...queue, settings: { ...queue.settings, deleted: true } };
  return rest.reduce((latest, other) => (other.settings.version > latest.settings.version ? other : latest), first);
}

/** A shard that holds all it can takes nothing, though it was promised: the message waits in its Queue, and comes again. */
function roomFor(step: Step, queue: KnownQueue, job: NewJob): Full | null {
  const incoming = { priority: job.priority, bytes: utf8Bytes(job.payload) };
  const admission = admissionOf(step);
  const full = admission.refusal(queue, incoming, "arrived");
  if (full === null) admission.took(queue, incoming);
  return full;
}

/** Before its keys are asked: what they answer may have changed since this very job was committed. */
function committedBefore(step: Step, id: string): Submitted | null {
  const row = step.get(JOBS).head(id) ?? step.get(JOBS).discarded(id);
  return row === null ? null : { type: "accepted", state: "queued", createdAt: row.created_at, runAt: row.run_at };
}

/** Of a namespace that is being deleted nothing is written, not even an end. */
function nothingOf({ jobs }: SubmitRequest): SubmitOutcome {
  return { type: "submitted", results: jobs.map(() => ({ type: "refused" })) };
}

function take(step: Step, { queue, job }: { queue: KnownQueue; job: NewJob }, acceptDecided: AcceptDecided): Submitted {
  if (step.get(NAMESPACES).isLate(queue.settings.namespace, job.id)) return { type: "refused" };
  const displaced = displacement(queue, job);
  if (displaced !== null) {
    writeEnded(step, { queue, job }, displaced);
    return { type: "refused" };
  }
  // As a job of a batch that was decided: no full backlog and no `expiresAt` refuses it; the clock ends what has expired.
  const seq = step.get(SEQUENCE).next(step.now);
  const [result] = acceptDecided(step, [{ queue, job, seq, forced: false }]);
  if (result === undefined) throw new Error(`${job.id} was taken and has no result`);
  const end = endOf(result);
  if (end !== null) writeEnded(step, { queue, job }, end);
  return result;
}

/** Why the job has no place in its queue any more; null when it has. */
function displacement({ settings }: KnownQueue, job: NewJob): JobError | null {
  if (settings.deleted) return ended("queue-deleted", "The queue was deleted before the job was committed.");
  const { orderingKey, concurrencyKey, dedup, idempotency } = job;
  const keys = { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
  const keyed = partitionOf(keys, settings.partitions, -1);
  const inPlace = keyed < 0 ? job.partition < settings.partitions : job.partition === keyed;
  if (inPlace && !keysClash(keys, settings.partitions)) return null;
  return ended("repartitioned", "The number of the queue's partitions was changed before the job was committed.");
}

/** How a job ends that was accepted and must not run; null when it runs, or nothing is known yet. "expired": by the clock. */
function endOf(result: Submitted): JobError | "expired" | null {
  switch (result.type) {
    case "accepted":
    case "undecided":
      return null;
    case "expired":
      return "expired";
    case "replayed":
      return ended("replayed", `${result.id} answers: it had the job's idempotency or deduplication key first.`);
    case "mismatch":
      return ended(
        "idempotency-mismatch",
        `The idempotency key belongs to ${result.id}, which was sent with another body.`,
      );
    case "duplicate":
      return ended("duplicate", `The deduplication key is held by ${result.id}.`);
    case "full":
    case "faulted":
    case "refused":
      throw new Error(`a deferred job cannot be refused as ${result.type}`);
  }
}

function ended(code: RejectedAtCommitCode, message: string): JobError {
  return { code, message, retryable: false };
}

/** A row that ends in the step that writes it. Behind its ordering key, so that it is nobody's turn; its keys stay another's. */
function writeEnded(step: Step, { queue, job }: { queue: KnownQueue; job: NewJob }, end: JobError | "expired"): void {
  const createdAt = job.createdAt ?? step.now;
  const seq = step.get(SEQUENCE).next(step.now);
  accept(step, [
    {
      id: job.id,
      queue: queue.ref,
      partition: job.partition,
      slot: slotOfNew(queue, job),
      seq,
      rank: rankOf(seq, job.priority, queue.settings.priorityAgingMs),
      state: "queued",
      blocked: BLOCKS.line,
      priority: job.priority,
      ordering_key: job.orderingKey,
      concurrency_key: job.concurrencyKey,
      dedup_key: job.dedup?.key ?? null,
      due_at: null,
      timeout_ms: job.timeoutMs ?? queue.settings.timeoutMs,
      created_at: createdAt,
      run_at: job.runAt ?? createdAt,
      expires_at: job.expiresAt,
      spec: specOf(queue.settings, { ...job, dedup: null }, step.now),
      payload: job.payload,
    },
  ]);
  const row = headOf(step, job.id);
  const metrics = step.get(METRICS);
  step.onCommit(() => metrics.add(queue.ref, { counter: "accepted", jobs: 1 }, createdAt));
  if (end === "expired") applyDeadline(step, row);
  else transition(step, row, { type: "reject", set: { finished_at: step.now, error: JSON.stringify(end) } });
}

function headOf(step: Step, id: string): JobHead {
  const row = step.get(JOBS).head(id);
  if (row === null) throw new Error(`${id} was written and is not there`);
  return row;
}
