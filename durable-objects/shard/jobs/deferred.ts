import type { NewJob, SubmitRequest, Submitted } from "../../../contract/rpc.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { rankOf } from "../../../domain/rank.ts";
import { keysClash, partitionOf } from "../../../domain/slots.ts";
import type { UnrunCode } from "../../../domain/unrun.ts";
import { act } from "../clock.ts";
import { standingOf } from "../counts.ts";
import { takeSettings } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { BLOCKS, type JobHead } from "../rows.ts";
import type { Turn } from "../turn.ts";
import { specOf } from "./spec.ts";
import { acceptDecided, HELD_RETRY_MS, type SubmitOutcome } from "./submit.ts";

/**
 * Takes jobs that were accepted without this shard (`SubmitRequest.deferred`). Each becomes a row, so that it has one end
 * that history keeps, and a message that comes twice finds it: also one that cannot run, which is written as cancelled and
 * not as failed, so that nobody redrives it with the failures of its queue, and never comes back in line (`mayNeverRun`).
 */
export function submitDeferred(turn: Turn, request: SubmitRequest): SubmitOutcome {
  const queues: KnownQueue[] = [];
  for (const settings of request.queues) {
    const queue = takeSettings(turn, settings);
    if (queue.settings.version > settings.version) return { type: "settings", settings: queue.settings };
    if (queue.heldUntil > turn.now) return { type: "busy", retryAfterMs: HELD_RETRY_MS };
    queues.push(queue);
  }
  const results = request.jobs.map((job) => {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    return known(turn, job.id) ?? take(turn, queue, job);
  });
  return { type: "submitted", results };
}

/** Before its keys are asked: what they answer may have changed since this very job was committed. */
function known(turn: Turn, id: string): Submitted | null {
  const row = turn.stores.jobs.head(id) ?? turn.stores.discarded.find(id);
  return row === null ? null : { type: "accepted", state: "queued", createdAt: row.created_at, runAt: row.run_at };
}

function take(turn: Turn, queue: KnownQueue, job: NewJob): Submitted {
  const displaced = displacement(queue, job);
  if (displaced !== null) {
    writeEnded(turn, { queue, job }, displaced);
    return { type: "refused" };
  }
  // As a job of a batch that was decided: no full backlog and no `expiresAt` refuses it; the clock ends what has expired.
  const seq = turn.stores.meta.sequence(turn.now);
  const [result] = acceptDecided(turn, [{ queue, job, seq, forced: false }]);
  if (result === undefined) throw new Error(`${job.id} was taken and has no result`);
  const end = endOf(result);
  if (end !== null) writeEnded(turn, { queue, job }, end);
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
    case "refused":
      throw new Error(`a deferred job cannot be refused as ${result.type}`);
  }
}

function ended(code: UnrunCode, message: string): JobError {
  return { code, message, retryable: false };
}

/** A row that ends in the step that writes it. Behind its ordering key, so that it is nobody's turn; its keys stay another's. */
function writeEnded(turn: Turn, { queue, job }: { queue: KnownQueue; job: NewJob }, end: JobError | "expired"): void {
  const { jobs, meta, metrics } = turn.stores;
  const createdAt = job.createdAt ?? turn.now;
  const seq = meta.sequence(turn.now);
  jobs.insert([
    {
      id: job.id,
      queue: queue.ref,
      partition: job.partition,
      seq,
      rank: rankOf(seq, job.priority, queue.settings.priorityAgingMs),
      state: "queued",
      blocked: BLOCKS.line,
      priority: job.priority,
      orderingKey: job.orderingKey,
      concurrencyKey: job.concurrencyKey,
      dedupKey: job.dedup?.key ?? null,
      dueAt: null,
      timeoutMs: job.timeoutMs ?? queue.settings.timeoutMs,
      createdAt,
      runAt: job.runAt ?? createdAt,
      expiresAt: job.expiresAt,
      spec: specOf(queue.settings, { ...job, dedup: null }, turn.now),
      payload: job.payload,
    },
  ]);
  const row = headOf(turn, job.id);
  turn.moved(queue.ref, null, standingOf(row));
  turn.tellAll("job.accepted", queue.ref, [row]);
  turn.onCommit(() => metrics.add(queue.ref, "accepted", 1, createdAt));
  if (end === "expired") act(turn, row);
  else turn.change(row, { state: "cancelled", finished_at: turn.now, error: JSON.stringify(end) });
}

function headOf(turn: Turn, id: string): JobHead {
  const row = turn.stores.jobs.head(id);
  if (row === null) throw new Error(`${id} was written and is not there`);
  return row;
}
