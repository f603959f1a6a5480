import { expect, test } from "vitest";
import { HandedOver } from "../../../../../workers/processor/services/handed-over.ts";

test("what is not taken up within a second is undone, once, and cannot be taken up any more", () => {
  const handed = new HandedOver();
  const undone: string[] = [];
  const takeLate = handed.give(() => undone.push("late"), 1_000);
  const take = handed.give(() => undone.push("taken"), 1_000);
  expect(take()).toBe(true);
  handed.reclaim(1_999);
  expect(undone).toEqual([]);
  handed.reclaim(2_000);
  handed.reclaim(9_000);
  expect(undone).toEqual(["late"]);
  expect(takeLate()).toBe(false);
});

test("a clock that stepped back keeps nothing", () => {
  const handed = new HandedOver();
  let undone = 0;
  handed.give(() => undone++, 10_000);
  handed.reclaim(1_000);
  expect(undone).toBe(1);
});
