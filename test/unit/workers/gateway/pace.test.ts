import { expect, test } from "vitest";
import { paceOf } from "../../../../workers/gateway/pace.ts";

test("up to 500 who wait do something once a second each, and more of them 500 times a second together", () => {
  expect([0, 1, 500].map(paceOf)).toEqual([1_000, 1_000, 1_000]);
  expect([501, 2_000, 10_000].map(paceOf)).toEqual([1_002, 4_000, 20_000]);
});
