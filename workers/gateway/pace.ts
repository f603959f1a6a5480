/** What each of many requests that wait in an isolate does now and then. */
interface Pace {
  /** So many times a second all of them do it together, where they are many. */
  perSecond: number;
  /** However few there are, each does so no more often. */
  leastMs: number;
}

/** Says that its client is there still. */
export const BEATS: Pace = { perSecond: 100, leastMs: 1_000 };

/** Looks whether one that watched in its place has gone. A burst of work has reached all of them after so many looks. Namespaces share them. */
export const LOOKS: Pace = { perSecond: 250, leastMs: 100 };

/** How long one of `waiting` requests pauses before it does so again: milliseconds. */
export function paceOf(waiting: number, { perSecond, leastMs }: Pace): number {
  return Math.max(leastMs, (waiting * 1_000) / perSecond);
}
