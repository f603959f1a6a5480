import { expect, test } from "vitest";
import { paceOf } from "../../../../workers/gateway/pace.ts";

test("up to 100 who wait do something once a second each, and more of them 100 times a second together", () => {
  expect([0, 1, 100].map(paceOf)).toEqual([1_000, 1_000, 1_000]);
  expect([101, 2_000, 5_000].map(paceOf)).toEqual([1_010, 20_000, 50_000]);
});
