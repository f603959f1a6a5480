/**
 * What an answer was. `strong`: linearizable. `session`: of a copy that is no older than anything its reader has seen.
 * `eventual`: as it was at most `ageSeconds` ago.
 */
export type Freshness = { level: "strong" | "session" } | { level: "eventual"; ageSeconds: number };

export const STRONG: Freshness = { level: "strong" };

/** The clocks of two data centres differ by less: an age is told too high rather than too low. */
const CLOCKS_DIFFER_MS = 1000;

/** What is older than this answers no eventual read: something is amiss with the copy that it is of. */
const MAX_AGE_SECONDS = 300;

/**
 * The freshness, at `now`, of what was so at `at`; the age is never too low. Null where that is too old to be told, or is
 * said to be of a time to come: then a clock was wrong, and nobody knows how old it is.
 */
export function eventual(at: number, now: number): Freshness | null {
  const ageMs = now - at + CLOCKS_DIFFER_MS;
  const ageSeconds = Math.ceil(ageMs / 1000);
  return ageMs < 0 || ageSeconds > MAX_AGE_SECONDS ? null : { level: "eventual", ageSeconds };
}
