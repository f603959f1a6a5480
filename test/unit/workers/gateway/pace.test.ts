import { expect, test } from "vitest";
import { BEATS, fairPart, LOOKS, paceOf } from "../../../../workers/gateway/pace.ts";

test("up to 100 who wait say once a second that they do, and more of them 100 times a second together", () => {
  expect([0, 1, 100].map((waiting) => paceOf(waiting, BEATS))).toEqual([1_000, 1_000, 1_000]);
  expect([101, 2_000, 5_000].map((waiting) => paceOf(waiting, BEATS))).toEqual([1_010, 20_000, 50_000]);
});

test("up to 25 who stand by look ten times a second each, and more of them 250 times a second together", () => {
  expect([0, 1, 25].map((waiting) => paceOf(waiting, LOOKS))).toEqual([100, 100, 100]);
  expect([50, 250, 2_000].map((waiting) => paceOf(waiting, LOOKS))).toEqual([200, 1_000, 8_000]);
});

test("of what all may do together each has a fair part", () => {
  expect(fairPart([], 250)).toBe(Number.POSITIVE_INFINITY);
  expect(fairPart([100, 150], 250)).toBe(Number.POSITIVE_INFINITY);
  expect(fairPart([20_000, 10], 250)).toBe(240);
  expect(fairPart([300, 200, 10], 250)).toBe(120);
  expect(fairPart([1_000, 1_000, 1_000, 1_000], 250)).toBe(62.5);
});
