import type { JobError, RetryPolicy } from "./job/job.ts";

/**
 * How many ms to wait after the `failures`-th failed attempt in a row (1, 2, …): at most the policy's `maxDelayMs`, and
 * with jitter any time down to none. `randomness` is uniform in [0, 1). Full jitter spreads retries over the whole
 * interval, so that jobs which failed together do not come back together (AWS Architecture Blog, "Exponential Backoff
 * And Jitter").
 */
export function backoffMs(policy: RetryPolicy, failures: number, randomness: number): number {
  const ceiling = Math.min(policy.maxDelayMs, policy.delayMs * growth(policy.backoff, failures));
  return policy.jitter === "full" ? Math.floor(ceiling * randomness) : ceiling;
}

function growth(backoff: RetryPolicy["backoff"], failures: number): number {
  switch (backoff) {
    case "exponential":
      return 2 ** (failures - 1);
    case "linear":
      return failures;
    case "constant":
      return 1;
  }
}

/** What becomes of a job whose attempt ended without success: another attempt, from `runAt` on (epoch ms), or none. */
export type Verdict = { retry: true; runAt: number } | { retry: false };

/**
 * An attempt that ended without success, and what its future depends on. `now` is epoch ms, `randomness` uniform in [0,
 * 1).
 */
export interface FailedAttempt {
  error: JobError;
  /** Attempts spent since acceptance or the last redrive, this one included. */
  spent: number;
  policy: RetryPolicy;
  /** The target's own wish, which stands above backoff and `maxDelayMs`. */
  retryAfterMs: number | null;
  now: number;
  randomness: number;
}

/**
 * Whether a failed attempt is followed by another, and when. None follows an error that is not retryable, nor the last
 * attempt that the policy allows. A lost worker spends an attempt as a reported failure does.
 */
export function afterFailure(failed: FailedAttempt): Verdict {
  if (!failed.error.retryable || failed.spent >= failed.policy.maxAttempts) return { retry: false };
  const wait = failed.retryAfterMs ?? backoffMs(failed.policy, failed.spent, failed.randomness);
  return { retry: true, runAt: failed.now + wait };
}
