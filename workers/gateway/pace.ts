/** So many times a second all who wait in an isolate do what each does now and then, where they are many. */
const PER_SECOND = 100;
/** However few there are, each does so no more often. */
const LEAST_MS = 1_000;

/** How long one of `waiting` requests pauses before it does again what all of them do now and then: milliseconds. */
export function paceOf(waiting: number): number {
  return Math.max(LEAST_MS, (waiting * 1_000) / PER_SECOND);
}
