import { expect, test } from "vitest";
import { SharedDraw } from "../../../../../workers/gateway/routing/shared-draw.ts";

function numbered(): SharedDraw {
  let drawn = 0;
  return new SharedDraw(() => ++drawn / 10);
}

test("requests of one moment have one draw, and those of the next another", () => {
  const draw = numbered();
  expect([1_000, 1_010, 1_024].map((at) => draw.at(at))).toEqual([0.1, 0.1, 0.1]);
  expect([1_025, 1_049, 1_050].map((at) => draw.at(at))).toEqual([0.2, 0.2, 0.3]);
});

test("a clock that steps back keeps nobody at one draw", () => {
  const draw = numbered();
  expect(draw.at(100_000)).toBe(0.1);
  expect(draw.at(40_000)).toBe(0.2);
  expect(draw.at(40_030)).toBe(0.3);
});
