import { expect, test } from "vitest";
import { SharedDraw } from "../../../../../workers/gateway/routing/shared-draw.ts";

function numbered(): SharedDraw {
  let drawn = 0;
  return new SharedDraw(() => ++drawn / 10);
}

test("few jobs have one draw for thirty seconds", () => {
  const draw = numbered();
  expect([1_000, 1_010, 5_000, 30_999].map((at) => draw.at(at))).toEqual([0.1, 0.1, 0.1, 0.1]);
  expect([31_000, 60_999, 61_000].map((at) => draw.at(at))).toEqual([0.2, 0.2, 0.3]);
});

test("so have jobs that come steadily, fewer than 64 in half a second", () => {
  const draw = numbered();
  const steady = Array.from({ length: 3_000 }, (_, i) => draw.at(1_000 + 10 * i));
  expect(new Set(steady)).toEqual(new Set([0.1]));
});

test("many jobs have another draw after 64 of them, and as many as come within 25 ms have the same", () => {
  const draw = numbered();
  const slow = Array.from({ length: 65 }, (_, i) => draw.at(1_000 + i));
  expect(slow).toEqual([...Array.from({ length: 64 }, () => 0.1), 0.2]);
  const fast = Array.from({ length: 500 }, () => draw.at(1_064));
  expect(new Set(fast)).toEqual(new Set([0.2]));
  expect(draw.at(1_064 + 25)).toBe(0.3);
});

test("a clock that steps back keeps nobody at one draw", () => {
  const draw = numbered();
  expect(draw.at(100_000)).toBe(0.1);
  expect(draw.at(40_000)).toBe(0.2);
  expect(draw.at(70_000)).toBe(0.3);
});

test("after a job that was not taken the next goes elsewhere; what was drawn since stays", () => {
  const draw = numbered();
  expect([draw.at(1_000), draw.at(1_001)]).toEqual([0.1, 0.1]);
  draw.leave(0.1);
  expect(draw.at(1_002)).toBe(0.2);
  draw.leave(0.1);
  expect(draw.at(1_003)).toBe(0.2);
});
