import type { ATTEMPT_OUTCOMES, JobError } from "../../../domain/job/job.ts";
import { nextState } from "../../../domain/job/transition.ts";
import { afterFailure } from "../../../domain/retry.ts";
import type { JobHead, JobSpec, StoredAttempt } from "../rows.ts";
import type { Turn } from "../turn.ts";

/** Attempts kept with a job. A job redriven for ever must not grow for ever. */
const MAX_STORED_ATTEMPTS = 100;

export interface Ended {
  outcome: Extract<(typeof ATTEMPT_OUTCOMES)[number], "failed" | "leaseExpired">;
  error: JobError;
  retryAfterMs: number | null;
}

/**
 * Ends the running attempt of `row` without success: back to the line after a backoff, or failed for good.
 * A failed head releases its ordering key; a retrying one keeps it, unless an earlier job was redriven.
 */
export function endAttempt(turn: Turn, row: JobHead, ended: Ended): JobHead {
  const { retry } = JSON.parse(row.spec) as JobSpec;
  const verdict = afterFailure({
    error: ended.error,
    spent: row.attempt - row.spent_before,
    policy: retry,
    retryAfterMs: ended.retryAfterMs,
    now: turn.now,
    chance: turn.random(),
  });
  const event = verdict.again
    ? ({ type: "retry", later: verdict.runAt > turn.now } as const)
    : ({ type: "fail" } as const);
  const state = nextState(row.state, event);
  if (state === null) throw new Error(`${row.id} is ${row.state}: no attempt to end`);
  const after = turn.change(row, {
    state,
    run_at: verdict.again ? verdict.runAt : row.run_at,
    finished_at: verdict.again ? null : turn.now,
    lease: null,
    error: JSON.stringify(ended.error),
    attempts: withAttempt(row, ended, turn.now),
  });
  turn.settleKey(row.queue, row.ordering_key, verdict.again ? after : null);
  return after;
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
  return JSON.stringify([...earlier.slice(-MAX_STORED_ATTEMPTS + 1), attempt]);
}
