import type { JobError, RetryPolicy } from "./job/job.ts";

/**
 * How many ms to wait after the `failures`-th failed attempt in a row (1, 2, …): at most the policy's `maxDelayMs`. Full
 * jitter makes it any time down to none, half jitter any from half of it on. `randomness` is uniform in [0, 1). Jitter spreads
 * retries, so that jobs which failed together do not come back together (AWS Architecture Blog, "Exponential Backoff And
 * Jitter", where the half is called equal jitter).
 */
export function backoffMs(policy: RetryPolicy, failures: number, randomness: number): number {
  const ceiling = ceilingMs(policy, failures);
  switch (policy.jitter) {
    case "full":
      return Math.floor(ceiling * randomness);
    case "half":
      return Math.floor(ceiling * (0.5 + randomness / 2));
    case "none":
      return ceiling;
  }
}

/** The wait before chance comes to it. */
function ceilingMs({ backoff, delayMs, maxDelayMs }: RetryPolicy, failures: number): number {
  return Math.min(maxDelayMs, delayMs * growth(backoff, failures));
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

/** Of a wait that a target asks for, the part over which jobs that were told the same come back at least. */
const ASKED_SPREAD = 0.1;
/** Nobody may ask for a longer wait, and jitter makes none longer: a day. */
export const MAX_ASKED_MS = 86_400_000;

/**
 * How many ms to wait where the target or the worker has asked for `askedMs`: never less than that, nor than the job's own
 * backoff. A policy with jitter adds some to what was asked for, at most a tenth of it or the backoff's own ceiling, whichever
 * is more, and none beyond the longest wait that may be asked for: whoever asks many jobs at once for the same wait would have
 * them all back at once.
 */
export function askedWaitMs(askedMs: number, { policy, failures, randomness }: Wait): number {
  const own = backoffMs(policy, failures, randomness);
  if (policy.jitter === "none") return Math.max(askedMs, own);
  const spread = Math.max(ceilingMs(policy, failures), askedMs * ASKED_SPREAD);
  return Math.max(own, askedMs, Math.min(MAX_ASKED_MS, askedMs + Math.floor(spread * randomness)));
}

/** What a wait depends on; see `backoffMs`. */
interface Wait {
  policy: RetryPolicy;
  failures: number;
  randomness: number;
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
  /** The wait that the target or the worker has asked for: see `askedWaitMs`. Null: none. */
  retryAfterMs: number | null;
  now: number;
  randomness: number;
}

/**
 * Whether a failed attempt is followed by another, and when. None follows an error that is not retryable, nor the last
 * attempt that the policy allows. A lost worker spends an attempt as a reported failure does.
 */
export function afterFailure(failed: FailedAttempt): Verdict {
  const { policy, spent: failures, randomness, retryAfterMs } = failed;
  if (!failed.error.retryable || failures >= policy.maxAttempts) return { retry: false };
  const wait =
    retryAfterMs === null
      ? backoffMs(policy, failures, randomness)
      : askedWaitMs(retryAfterMs, { policy, failures, randomness });
  return { retry: true, runAt: failed.now + wait };
}

/** How long jobs of a queue may be deferred without spending attempts, where the queue does not say: a day. */
export const DEFAULT_MAX_DEFERRAL_MS = 86_400_000;
/** A target that answers in a millisecond and asks for no wait, on a policy without one, must not be called in a loop. */
const MIN_DEFERRAL_MS = 1_000;

/**
 * A job that is put back without having failed, and what its future depends on. `now` is epoch ms, `randomness` uniform in
 * [0, 1).
 */
export interface Deferral {
  /** `deferred`: the target asks to wait, and the job waits as after a failure at least. `released`: the worker gives it back. */
  by: "deferred" | "released";
  /** Attempts spent since acceptance or the last redrive, as if this one was. */
  spent: number;
  policy: RetryPolicy;
  askedMs: number;
  /** When it was first deferred since acceptance or the last redrive; null: this is the first time. */
  since: number | null;
  maxDeferralMs: number;
  now: number;
  randomness: number;
}

/**
 * When a deferred job may start again (epoch ms); null when it has been deferred for as long as its queue lets it, and this
 * spends an attempt as a failure does. So a job whose target asks to wait for ever ends all the same.
 */
export function afterDeferral(deferral: Deferral): number | null {
  const { by, askedMs, policy, spent: failures, randomness, now } = deferral;
  if (now - (deferral.since ?? now) >= deferral.maxDeferralMs) return null;
  if (by === "released") return now + askedMs;
  return now + Math.max(MIN_DEFERRAL_MS, askedWaitMs(askedMs, { policy, failures, randomness }));
}

/** A job may come back so many times in a row from workers that had not begun it; the next time spends an attempt. */
export const MAX_UNBEGUN_RETURNS = 2;
