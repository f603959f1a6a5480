import { expect, test } from "vitest";
import { ewmaAt, type PeakEwma, withTimings } from "../../../../domain/service/peak-ewma.ts";

const NOW = 1_000_000;
const timing = (ms: number) => ({ count: 1, sumMs: ms, maxMs: ms });
const ewma = (ms: number): PeakEwma => ({ ms, at: NOW });
const told = (before: PeakEwma | null, ms: number, now: number) => withTimings(before, timing(ms), now)?.ms ?? null;

test("the first answer is the average", () => {
  expect(withTimings(null, { count: 4, sumMs: 40, maxMs: 20 }, NOW)).toEqual({ ms: 10, at: NOW });
});

test("no answers change nothing", () => {
  const before = ewma(10);
  expect(withTimings(before, { count: 0, sumMs: 0, maxMs: 0 }, NOW + 5_000)).toBe(before);
  expect(withTimings(null, { count: 0, sumMs: 0, maxMs: 0 }, NOW)).toBeNull();
});

test("it follows a rise at once", () => {
  expect(told(ewma(10), 2_000, NOW)).toBe(2_000);
});

test.each([
  [0, 100],
  [10_000, 10 + 90 / Math.E],
  [100_000, 10.004],
])("it follows a fall slowly: %i ms later it is %d", (later, expected) => {
  expect(told(ewma(100), 10, NOW + later)).toBeCloseTo(expected, 2);
});

test("of an instance that is asked nothing it falls", () => {
  expect(ewmaAt(ewma(100), NOW)).toBe(100);
  expect(ewmaAt(ewma(100), NOW + 10_000)).toBeCloseTo(100 / Math.E, 5);
  expect(ewmaAt(null, NOW)).toBeNull();
});

test("a clock that steps back changes nothing", () => {
  expect(ewmaAt(ewma(100), NOW - 3_600_000)).toBe(100);
  expect(told(ewma(100), 10, NOW - 3_600_000)).toBe(100);
});
