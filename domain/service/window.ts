/**
 * Two counts over a sliding window, in tenths of it. A window is plain JSON and bounded: whoever keeps it may store it.
 */

/** The two counts of each tenth that has any, oldest first: when the tenth began in epoch ms, and the counts. */
export type CountWindow = readonly (readonly [startedAt: number, first: number, second: number])[];

/** What a window counts: outcomes that were good and bad, or requests and those of them that were sent again. */
export type Pair = readonly [first: number, second: number];

const TENTHS = 10;

/**
 * The sums of what was counted in the last `windowMs` before `now` (epoch ms), and no longer ago. Of the oldest tenth, what
 * lies within may be left out already. What seems to lie ahead, because the clock has stepped back, counts as of now.
 */
export function sumsOf(window: CountWindow, windowMs: number, now: number): Pair {
  let first = 0;
  let second = 0;
  for (const [startedAt, a, b] of window) {
    if (startedAt <= now - windowMs) continue;
    first += a;
    second += b;
  }
  return [first, second];
}

/** The window with `counts` more at `now`, and without what lies further back than it. It has 11 entries at most. */
export function withCounts(window: CountWindow, windowMs: number, { counts, now }: Counted): CountWindow {
  const width = Math.max(1, windowMs / TENTHS);
  const current = Math.floor(now / width) * width;
  let [first, second] = counts;
  const before: [number, number, number][] = [];
  for (const [startedAt, a, b] of window) {
    if (startedAt <= now - windowMs) continue;
    const tenth = Math.floor(startedAt / width) * width;
    const last = before.at(-1);
    if (tenth >= current) {
      first += a;
      second += b;
    } else if (last?.[0] === tenth) {
      // Tenths of another length: the settings have changed.
      last[1] += a;
      last[2] += b;
    } else before.push([tenth, a, b]);
  }
  return first === 0 && second === 0 ? before : [...before, [current, first, second]];
}

interface Counted {
  counts: Pair;
  /** Epoch milliseconds. */
  now: number;
}
