import { boundedAttempts } from "../../../domain/job/attempts.ts";
import type { ATTEMPT_OUTCOMES, JobError } from "../../../domain/job/job.ts";
import { afterFailure } from "../../../domain/retry.ts";
import type { JobHead, JobSpec, StoredAttempt } from "../jobs/job-row.ts";
import { transition } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";

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
  const patch = { lease: null, error: JSON.stringify(ended.error), attempts: withAttempt(row, ended, step.now) };
  return verdict.retry
    ? transition(step, row, {
        type: "retry",
        later: verdict.runAt > step.now,
        set: { ...patch, run_at: verdict.runAt },
      })
    : transition(step, row, { type: "fail", set: { ...patch, finished_at: step.now } });
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
  };
  const earlier = JSON.parse(row.attempts) as StoredAttempt[];
  return JSON.stringify(boundedAttempts([...earlier, attempt]));
}
