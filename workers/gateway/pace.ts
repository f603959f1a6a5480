/** What each of many requests that wait in an isolate does now and then. */
interface Pace {
  /** So many times a second all of them do it together, where they are many. */
  perSecond: number;
  /** However few there are, each does so no more often. */
  leastMs: number;
}

/** Says that its client is there still. */
export const BEATS: Pace = { perSecond: 100, leastMs: 1_000 };

/** Looks whether one that watched in its place has gone. A burst of work has reached all of them after so many looks. */
export const LOOKS: Pace = { perSecond: 250, leastMs: 100 };

/** How long one of `waiting` requests pauses before it does so again: milliseconds. */
export function paceOf(waiting: number, { perSecond, leastMs }: Pace): number {
  return Math.max(leastMs, (waiting * 1_000) / perSecond);
}

/**
 * How many times a second each of several groups may do it, where all of them together may `perSecond` times (max-min fairness): a group that
 * wants less than its part has what it wants, and what it leaves goes to the others. `wants` is what each wants, in any order. Infinite: all
 * have what they want.
 */
export function fairPart(wants: readonly number[], perSecond: number): number {
  let left = perSecond;
  const ascending = [...wants].sort((a, b) => a - b);
  for (const [i, want] of ascending.entries()) {
    const part = left / (ascending.length - i);
    if (want > part) return part;
    left -= want;
  }
  return Number.POSITIVE_INFINITY;
}
