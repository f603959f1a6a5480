import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkGranted, chunkWanted, isNearlySpent, isPlenty, rateOf } from "../../../domain/token-chunk.ts";

const QUOTA = { units: 10_000, windowMs: 10_000 };

test.each([
  [1, 5, 1],
  [20, 100, 20],
  [50, 100, 50],
  [100, 100, 100],
  [1_000, 1_000, 1_000],
  [0.1, 1, 1],
])("at %d units a second a chunk of %d is best, and of %d where little is left", (rate, plenty, little) => {
  expect(chunkWanted(rate, QUOTA, true)).toBe(plenty);
  expect(chunkWanted(rate, QUOTA, false)).toBe(little);
});

test("half of a budget is plenty", () => {
  expect([5_000, 4_999].map((left) => isPlenty(left, QUOTA))).toEqual([true, false]);
});

test("a rate is not measured in less than a tenth of a second", () => {
  expect(rateOf({ units: 10, ms: 0 })).toBe(100);
  expect(rateOf({ units: 10, ms: 2_000 })).toBe(5);
});

describe("a chunk that is handed out", () => {
  test.each([
    ["is what is wanted, where that is little", 1_000, 1, 100, 100],
    ["is half of what is left at most", 150, 1, 100, 75],
    ["is what is needed at least", 15, 10, 100, 10],
    ["is nothing where less is left than is needed", 9, 10, 100, 0],
    ["is the last unit, also for whom nobody waits", 1, 0, 100, 1],
    ["is nothing of nothing", 0, 0, 100, 0],
    ["is nothing of a debt", -5, 0, 100, 0],
  ])("%s", (_, left, needed, wanted, granted) => {
    expect(chunkGranted(left, { needed, wanted })).toBe(granted);
  });

  test("is never more than is left, nor less than is needed, unless it is none", () => {
    const any = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 1_000 }), any, any, (left, needed, more) => {
        const granted = chunkGranted(left, { needed, wanted: needed + more });
        expect(granted).toBeLessThanOrEqual(Math.max(0, left));
        expect(granted === 0 || granted >= needed).toBe(true);
        expect(granted).toBeLessThanOrEqual(needed + more);
      }),
    );
  });
});

test("a small budget is never nearly spent: whoever finds a unit takes it", () => {
  expect(isNearlySpent(0, { units: 63, windowMs: 10_000 })).toBe(false);
  expect(isNearlySpent(155, QUOTA)).toBe(true);
  expect(isNearlySpent(156, QUOTA)).toBe(false);
});
