import { expect, test } from "vitest";
import { paceOf } from "../../../../workers/gateway/pace.ts";

test("up to 250 who wait do something once a second each, and more of them 250 times a second together", () => {
  expect([0, 1, 250].map(paceOf)).toEqual([1_000, 1_000, 1_000]);
  expect([251, 2_000, 10_000].map(paceOf)).toEqual([1_004, 8_000, 40_000]);
});
