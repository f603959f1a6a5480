import { boundedAttempts } from "../../../domain/job/attempts.ts";
import type { ATTEMPT_OUTCOMES, JobError } from "../../../domain/job/job.ts";
import { afterDeferral, afterFailure, DEFAULT_MAX_DEFERRAL_MS, MAX_UNBEGUN_RETURNS } from "../../../domain/retry.ts";
import { BEGUN_CLAIMS } from "../jobs/begun-claims.ts";
import {
  BEGUN,
  deliveryOf,
  type JobHead,
  type JobSpec,
  type Returns,
  returnsOf,
  type StoredAttempt,
} from "../jobs/job-row.ts";
import { transition } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** Of deliveries that have spent no attempt, so many are remembered: who comes with the lease of an earlier one is unknown. */
const MAX_STORED_RETURNS = 10;

/** How an attempt ended that did not succeed. */
export interface Ended {
  outcome: Extract<(typeof ATTEMPT_OUTCOMES)[number], "failed" | "leaseExpired">;
  error: JobError;
  retryAfterMs: number | null;
}

/**
 * Ends the running attempt of `row` without success: back to the line after a backoff, or failed for good.
 * A failed head releases its ordering key; a retrying one keeps it, unless an earlier job was redriven.
 */
export function endAttempt(step: Step, row: JobHead, ended: Ended): JobHead {
  const { retry } = JSON.parse(row.spec) as JobSpec;
  const verdict = afterFailure({
    error: ended.error,
    spent: row.attempt - row.spent_before,
    policy: retry,
    retryAfterMs: ended.retryAfterMs,
    now: step.now,
    randomness: step.random(),
  });
  const patch = {
    lease: null,
    error: JSON.stringify(ended.error),
    attempts: withAttempt(row, ended, step.now),
    returns: afterSpent(row),
  };
  return verdict.retry
    ? transition(step, row, {
        type: "retry",
        later: verdict.runAt > step.now,
        set: { ...patch, run_at: verdict.runAt },
      })
    : transition(step, row, { type: "fail", set: { ...patch, finished_at: step.now } });
}

/** How a delivery ended that is to spend no attempt: see `Deferral`. */
export interface Deferred {
  by: "deferred" | "released";
  error: JobError;
  askedMs: number;
}

/**
 * Puts a job back that its target or its worker cannot take now. Where it has been deferred for as long as its queue lets it,
 * that spends an attempt.
 */
export function deferAttempt(step: Step, row: JobHead, { by, error, askedMs }: Deferred): JobHead {
  const { retry } = JSON.parse(row.spec) as JobSpec;
  const { maxDeferralMs = DEFAULT_MAX_DEFERRAL_MS } = step.get(QUEUES).get(row.queue).settings;
  const returns = returnsOf(row);
  const runAt = afterDeferral({
    by,
    spent: row.attempt - row.spent_before,
    policy: retry,
    askedMs,
    since: returns.since ?? null,
    maxDeferralMs,
    now: step.now,
    randomness: step.random(),
  });
  if (runAt === null) return endAttempt(step, row, { outcome: "failed", error, retryAfterMs: askedMs });
  const { since = step.now, leases } = returns;
  return putBack(step, row, { runAt, error, returns: { ...returns, last: by, unbegun: 0, since, leases } });
}

/** Puts a job back whose executor has not begun it, because its service takes none now: as if it had not been claimed. */
export function putBackUnbegun(step: Step, row: JobHead): JobHead {
  return putBack(step, row, { runAt: step.now, error: null, returns: { ...returnsOf(row), last: "released" } });
}

/**
 * Ends an attempt whose lease or time is over. Whose worker had not begun the job, of him it comes back as if it had not been
 * claimed, but not for ever: it may be the job that kills its worker before it can say anything.
 */
export function endLost(step: Step, row: JobHead, error: JobError): JobHead {
  const returns = returnsOf(row);
  if (isBegun(step, row) || returns.unbegun >= MAX_UNBEGUN_RETURNS) {
    return endAttempt(step, row, { outcome: "leaseExpired", error, retryAfterMs: null });
  }
  const unbegun = returns.unbegun + 1;
  return putBack(step, row, { runAt: step.now, error: null, returns: { ...returns, last: "unbegun", unbegun } });
}

/** Whether the attempt counts: the worker has begun it, or is none of those that say which they have begun. */
function isBegun(step: Step, { begun, lease }: JobHead): boolean {
  switch (begun) {
    case BEGUN.not:
      return false;
    case BEGUN.unsaid:
      return lease === null || !step.get(BEGUN_CLAIMS).has(lease);
    default:
      return true;
  }
}

/** The delivery has spent no attempt. `error` null leaves the last one. */
function putBack(
  step: Step,
  row: JobHead,
  { runAt, error, returns }: { runAt: number; error: JobError | null; returns: Returns },
): JobHead {
  const leases: Returns["leases"] = [...returns.leases, [deliveryOf(row), row.lease ?? ""]];
  const kept: Returns = { ...returns, leases: leases.slice(-MAX_STORED_RETURNS) };
  const later = runAt > step.now;
  const set = {
    lease: null,
    attempt: row.attempt - 1,
    returned: row.returned + 1,
    returns: JSON.stringify(kept),
    ...(error === null ? {} : { error: JSON.stringify(error) }),
    ...(later ? { run_at: runAt } : {}),
  };
  return transition(step, row, { type: "putBack", later, set });
}

/** How long it was deferred goes on counting; what came back before it was begun does not. */
function afterSpent(row: JobHead): string | null {
  if (row.returns === null) return null;
  const { last: _, ...returns } = returnsOf(row);
  return JSON.stringify({ ...returns, unbegun: 0 } satisfies Returns);
}

function withAttempt(row: JobHead, ended: Ended, now: number): string {
  const attempt: StoredAttempt = {
    number: row.attempt,
    startedAt: row.attempt_at ?? row.created_at,
    finishedAt: now,
    outcome: ended.outcome,
    error: ended.error,
    worker: row.worker,
    nonce: row.lease ?? "",
    ...(row.returned === 0 ? {} : { delivery: deliveryOf(row) }),
  };
  const earlier = JSON.parse(row.attempts) as StoredAttempt[];
  return JSON.stringify(boundedAttempts([...earlier, attempt]));
}
