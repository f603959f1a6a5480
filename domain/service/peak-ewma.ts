/**
 * What answers of an instance take, as a moving average that follows a rise at once and a fall slowly, so that an instance that
 * has become slow loses its traffic with the first slow answer (the peak EWMA of Finagle, com.twitter.finagle.loadbalancer.p2c).
 * The state is plain JSON.
 */

export interface PeakEwma {
  /** Milliseconds. */
  ms: number;
  /** When it was last told of an answer, in epoch ms. */
  at: number;
}

/** After so long without a rise, what was is worth 1/e of what it was: 10 seconds, as in Finagle. */
const TAU_MS = 10_000;

/** The times of some answers: how many, their sum and the longest, in milliseconds. */
export interface Timings {
  count: number;
  sumMs: number;
  maxMs: number;
}

/** The average once more answers are known. Null: none is known yet. */
export function withTimings(ewma: PeakEwma | null, timings: Timings, now: number): PeakEwma | null {
  if (timings.count === 0) return ewma;
  const mean = timings.sumMs / timings.count;
  if (ewma === null) return { ms: mean, at: now };
  const weight = weightOf(ewma, now);
  const peak = Math.max(ewma.ms, timings.maxMs);
  // From its peak it comes down to what is usual. With no time in between, the peak is all that is known.
  return { ms: mean + (peak - mean) * weight, at: now };
}

/**
 * The average as it counts at `now`, in milliseconds; null where none is known. Of an instance that is asked nothing it falls,
 * so that it is tried again: nobody else could say that it is quick once more.
 */
export function ewmaAt(ewma: PeakEwma | null, now: number): number | null {
  return ewma === null ? null : ewma.ms * weightOf(ewma, now);
}

/** A clock that stepped back makes it no more than it was. */
function weightOf({ at }: PeakEwma, now: number): number {
  return Math.exp(-Math.max(0, now - at) / TAU_MS);
}
