import fc from "fast-check";
import { expect, test } from "vitest";
import { type CountWindow, sumsOf, withCounts } from "../../../../domain/service/window.ts";

const WINDOW_MS = 1000;

/** A window in which so much was counted, each at its time. */
function windowOf(counts: [at: number, first: number, second: number][]): CountWindow {
  return counts.reduce<CountWindow>(
    (window, [now, first, second]) => withCounts(window, WINDOW_MS, { counts: [first, second], now }),
    [],
  );
}

test.each([
  ["nothing was counted", [], 5000, [0, 0]],
  ["just now", [[5000, 1, 2]], 5000, [1, 2]],
  ["within the window", [[5000, 1, 0]], 5999, [1, 0]],
  ["a window ago", [[5000, 1, 0]], 6000, [0, 0]],
  [
    "two of one tenth",
    [
      [5000, 1, 0],
      [5099, 0, 3],
    ],
    5500,
    [1, 3],
  ],
  [
    "the oldest tenth goes first",
    [
      [5000, 1, 0],
      [5950, 0, 3],
    ],
    6000,
    [0, 3],
  ],
  [
    "the clock has stepped back",
    [
      [9000, 4, 0],
      [5000, 1, 0],
    ],
    5001,
    [5, 0],
  ],
] as [string, [number, number, number][], number, [number, number]][])("%s", (_what, counts, now, expected) => {
  expect(sumsOf(windowOf(counts), WINDOW_MS, now)).toEqual(expected);
});

test("what lay ahead when the clock stepped back is gone a window later", () => {
  const window = withCounts(windowOf([[9000, 4, 0]]), WINDOW_MS, { counts: [1, 0], now: 5000 });
  expect(sumsOf(window, WINDOW_MS, 6001)).toEqual([0, 0]);
});

test("a window of another length keeps what lies within it", () => {
  const window = withCounts(
    windowOf([
      [5000, 1, 0],
      [5100, 2, 0],
    ]),
    10_000,
    { counts: [4, 0], now: 6500 },
  );
  expect(sumsOf(window, 10_000, 6500)).toEqual([7, 0]);
  expect(window).toEqual([
    [5000, 3, 0],
    [6000, 4, 0],
  ]);
});

test("never counts what is further back than its length, always what is no further than nine tenths of it, and stays small", () => {
  const anyCounts = fc.array(
    fc.record({ after: fc.integer({ min: 0, max: 700 }), first: fc.nat(5), second: fc.nat(5) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(anyCounts, fc.integer({ min: 0, max: 1500 }), (counts, later) => {
      let at = 100_000;
      let window: CountWindow = [];
      const times: { at: number; sum: number }[] = [];
      for (const { after, first, second } of counts) {
        at += after;
        window = withCounts(window, WINDOW_MS, { counts: [first, second], now: at });
        times.push({ at, sum: first + second });
      }
      const now = at + later;
      const [first, second] = sumsOf(window, WINDOW_MS, now);
      const since = (ms: number) => times.reduce((sum, one) => sum + (one.at > now - ms ? one.sum : 0), 0);
      expect(first + second).toBeGreaterThanOrEqual(since(WINDOW_MS * 0.9));
      expect(first + second).toBeLessThanOrEqual(since(WINDOW_MS));
      expect(window.length).toBeLessThanOrEqual(11);
      expect(JSON.parse(JSON.stringify(window))).toEqual(window);
    }),
  );
});
