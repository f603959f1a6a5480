import type { Unredrivable } from "../../../contract/rpc.ts";
import { boundedAttempts } from "../../../domain/job/attempts.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { rejectedAtCommit } from "../../../domain/rejected-at-commit.ts";
import { lineOf, promoteNext, releaseDecided } from "../flow/ordering-keys.ts";
import { noteOvertaken } from "../jobs/history.ts";
import {
  BLOCKS,
  deliveryOf,
  type JobHead,
  type JobSpec,
  type Returns,
  returnsOf,
  type StoredAttempt,
} from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { allows, transition } from "../jobs/transition.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { admissionOf } from "./admission.ts";

/**
 * Why a job cannot come back in line: it may never run; its queue is gone, or its queue's partitions have changed since, so
 * that its place no longer goes together with its ordering key and the queue's limits; or it is on its way elsewhere. Null
 * when it can.
 */
export function unredrivable(parts: Parts, row: JobHead): Unredrivable | null {
  const { settings, partitionedAt } = parts.get(QUEUES).get(row.queue);
  if ((JSON.parse(row.spec) as JobSpec).movingTo !== undefined) return "moving";
  if (rejectedAtCommit({ ...row, error: row.error === null ? null : (JSON.parse(row.error) as JobError) }))
    return "rejected-at-commit";
  if (settings.deleted || parts.get(NAMESPACES).isGone(settings.namespace)) return "queue-deleted";
  // A job that was moved here keeps the time at which it was first made: it has started here since.
  const partitionedSince = Math.max(row.created_at, row.started_at ?? 0);
  return partitionedSince <= partitionedAt ? "repartitioned" : null;
}

/** As `unredrivable`, and whether there is room for one more job that is not final. */
export function cannotReturn(step: Step, row: JobHead): Unredrivable | null {
  const because = unredrivable(step, row);
  if (because !== null) return because;
  const full = admissionOf(step).refusalToReturn(step.get(QUEUES).get(row.queue).settings.namespace);
  if (full === null) return null;
  return full.scope === "namespace" ? "namespace-full" : "shard-full";
}

/**
 * Puts a failed or cancelled job back in line with a new attempt budget, `delayMs` from now. Null when its
 * state does not allow it. With an ordering key it takes its old place among those not final.
 */
export function redrive(step: Step, row: JobHead, delayMs: number): JobHead | null {
  const event = { type: "redrive", later: delayMs > 0 } as const;
  if (!allows(row, event) || cannotReturn(step, row) !== null) return null;
  const { queue, ordering_key: key } = row;
  const line = lineOf(row);
  releaseDecided(step, row);
  const open = key === null ? null : step.get(JOBS).openOfKey(queue, key);
  const alone = open === null && (key === null || !step.get(RESERVATIONS).isInLine(queue, key));
  const runAt = step.now + delayMs;
  const set = {
    blocked: alone ? 0 : BLOCKS.line,
    spent_before: row.attempt,
    run_at: runAt,
    finished_at: null,
    expires_at: row.expires_at !== null && row.expires_at <= runAt ? null : row.expires_at,
    lease: null,
    attempts: withCancelledAttempt(row),
    returns: withNewBudget(row),
  };
  noteOvertaken(step, row);
  const after = transition(step, row, { ...event, set });
  admissionOf(step).returned(step.get(QUEUES).get(queue).settings.namespace);
  if (line !== null) promoteNext(step, line, open);
  return after;
}

/** It may be deferred again for as long as a job that has just come. Stale leases stay known, and that it had ended. */
function withNewBudget(row: JobHead): string {
  const { leases } = returnsOf(row);
  return JSON.stringify({ unbegun: 0, leases, redriven: true } satisfies Returns);
}

/** An attempt that was cancelled lives in the row alone: it is stored before the next one overwrites it. */
function withCancelledAttempt(row: JobHead): string {
  const earlier = JSON.parse(row.attempts) as StoredAttempt[];
  if (row.lease === null || row.attempt <= (earlier.at(-1)?.number ?? 0)) return row.attempts;
  const attempt: StoredAttempt = {
    number: row.attempt,
    startedAt: row.attempt_at ?? row.created_at,
    finishedAt: row.finished_at,
    outcome: "cancelled",
    error: null,
    worker: row.worker,
    nonce: row.lease,
    delivery: deliveryOf(row),
  };
  return JSON.stringify(boundedAttempts([...earlier, attempt]));
}
