import { describe, expect, test } from "vitest";
import { markOf, QUEUE_FLOOR_PERCENT, retryAfterMs, SHARD_FLOOR_PERCENT } from "../../../domain/backlog.ts";

describe("how far a backlog fills", () => {
  test.each([
    [100, 9, 100],
    [100, 4, 100],
    [100, 3, 90],
    [100, 2, 80],
    [100, 1, 70],
    [100, 0, 60],
    [15, 3, 13],
    [15, 0, 9],
    [1_000_000_000, 3, 900_000_000],
    [2, 0, 1],
    [1, 0, 1],
    [1, 4, 1],
    [0, 4, 0],
  ])("of %i jobs of priority %i may fill %i", (max, priority, mark) => {
    expect(markOf(max, priority, QUEUE_FLOOR_PERCENT)).toBe(mark);
  });

  test.each([
    [4, 1000],
    [3, 975],
    [2, 950],
    [1, 925],
    [0, 900],
  ])("a shard of a thousand jobs takes priority %i up to %i", (priority, mark) => {
    expect(markOf(1000, priority, SHARD_FLOOR_PERCENT)).toBe(mark);
  });
});

describe("when to come back", () => {
  test.each([
    ["one has to leave", { backlog: 100, mark: 100, perSecond: 0.1 }, 10_000],
    ["those above a low mark have to leave first", { backlog: 100, mark: 60, perSecond: 2 }, 20_500],
    ["never sooner than a second", { backlog: 5, mark: 5, perSecond: 1000 }, 1_000],
    ["never later than an hour", { backlog: 100_000, mark: 1, perSecond: 1 }, 3_600_000],
    ["nothing drains", { backlog: 100, mark: 100, perSecond: 0 }, 60_000],
    ["there is room by now", { backlog: 3, mark: 5, perSecond: 0.5 }, 2_000],
  ])("%s", (_name, facts, expected) => {
    expect(retryAfterMs(facts)).toBe(expected);
  });
});
