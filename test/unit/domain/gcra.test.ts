import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketWith, partOf, type Quota, spend, unitsLeft, waitFor } from "../../../domain/gcra.ts";

const TEN: Quota = { units: 10, windowMs: 10_000 };
const T = Date.UTC(2026, 10, 30);

describe("a bucket", () => {
  test.each([
    ["that was never used is full", 0, 10, 0],
    ["whose time has come is full", T, 10, 0],
    ["of which three were spent", T + 3_000, 7, 0],
    ["of which ten were spent is empty", T + 10_000, 0, 1_000],
    ["that owes two", T + 12_000, -2, 3_000],
    ["that has all but a fraction of a unit", T + 9_020, 0, 20],
  ])("%s", (_, tat, left, waitMs) => {
    expect(unitsLeft(tat, TEN, T)).toBe(left);
    expect(waitFor(tat, TEN, { units: 1, now: T })).toBe(waitMs);
  });

  test("gives its units back evenly", () => {
    const empty = spend(0, TEN, { units: 10, now: T });
    expect([0, 980, 1_000, 5_500, 10_000, 99_999].map((ms) => unitsLeft(empty, TEN, T + ms))).toEqual([
      0, 0, 1, 5, 10, 10,
    ]);
  });

  test("remembers a debt of one window, and forgives the rest", () => {
    const deep = spend(0, TEN, { units: 1_000, now: T });
    expect(unitsLeft(deep, TEN, T)).toBe(-10);
    expect(waitFor(deep, TEN, { units: 10, now: T })).toBe(20_000);
  });

  test("never has more than it holds", () => {
    expect(waitFor(0, TEN, { units: 11, now: T })).toBe(Number.POSITIVE_INFINITY);
  });

  test("of so many units has these", () => {
    for (let left = -10; left <= 10; left++) expect(unitsLeft(bucketWith(left, TEN, T), TEN, T)).toBe(left);
  });

  test("has no unit lost to rounding", () => {
    for (const units of [3, 7, 10_000, 77_777]) {
      const quota = { units, windowMs: 10_000 };
      let tat = 0;
      for (let left = units; left > Math.max(0, units - 5); left--) {
        expect(unitsLeft(tat, quota, T)).toBe(left);
        tat = spend(tat, quota, { units: 1, now: T });
      }
    }
  });
});

test("a part of a budget has whole units, and no fewer than the least", () => {
  expect(partOf(TEN, 0.25, 0)).toEqual({ units: 2, windowMs: 10_000 });
  expect(partOf(TEN, 0.01, 1)).toEqual({ units: 1, windowMs: 10_000 });
});

test("in any time no more is let through than a full bucket has and what comes back meanwhile", () => {
  const request = fc.record({ after: fc.integer({ min: 0, max: 4_000 }), units: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), fc.integer({ min: 1, max: 50 }), (requests, units) => {
      const quota = { units, windowMs: 10_000 };
      const admitted: { at: number; units: number }[] = [];
      let tat = 0;
      let now = T;
      for (const { after, units: cost } of requests) {
        now += after;
        if (unitsLeft(tat, quota, now) < cost) continue;
        tat = spend(tat, quota, { units: cost, now });
        admitted.push({ at: now, units: cost });
      }
      for (let from = 0; from < admitted.length; from++) {
        let sum = 0;
        for (const { at, units: n } of admitted.slice(from)) {
          sum += n;
          expect(sum).toBeLessThanOrEqual(units + ((at - (admitted[from]?.at ?? 0)) * units) / 10_000 + 0.02);
        }
      }
    }),
  );
});
