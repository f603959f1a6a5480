import { describe, expect, test } from "vitest";
import { mostOf, parseShare, shardConnections } from "../../../domain/connections.ts";

describe("the connections that a shard counts as its own", () => {
  test.each([
    ["what its bells bring", "default", 6, 250, 4, 48],
    ["fewer in bulk, where fewer bells ring", "bulk", 6, 250, 4, 24],
    ["an even part of the lane, where there are many shards", "default", 6, 250, 100, 15],
    ["an even part of the only invocation there is", "default", 1000, 1, 4, 250],
    ["one at least", "default", 6, 1, 64, 1],
  ] as const)("are %s", (_name, lane, size, consumers, shards, expected) => {
    expect(shardConnections(lane, { size, consumers }, shards)).toBe(expected);
  });

  test("are no more, for all shards together, than the lane has", () => {
    for (const shards of [1, 3, 4, 31, 32, 33, 250, 1500]) {
      const part = shardConnections("default", { size: 6, consumers: 250 }, shards);
      expect(part * shards).toBeLessThanOrEqual(1500);
    }
  });
});

test.each([
  [0.75, 48, 36],
  [0.875, 48, 42],
  [0.75, 1, 1],
  [0.01, 6, 1],
  [1, 6, Number.POSITIVE_INFINITY],
])("%d of %d connections are %d", (share, connections, expected) => {
  expect(mostOf(share, connections)).toBe(expected);
});

test.each(["0", "-1", "1.01", "", " ", "half", "NaN", "Infinity"])("%j is no share", (text) => {
  expect(() => parseShare("HOST_SHARE", text)).toThrow("HOST_SHARE must be a number above 0 and at most 1");
});

test("a share is read as a number", () => {
  expect([parseShare("HOST_SHARE", "0.75"), parseShare("HOST_SHARE", "1")]).toEqual([0.75, 1]);
});
