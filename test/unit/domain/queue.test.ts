import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { partitionShare } from "../../../domain/queue.ts";

describe("a partition's share of a limit", () => {
  test.each([
    [5, 1, [5]],
    [5, 3, [2, 2, 1]],
    [6, 3, [2, 2, 2]],
    [3, 3, [1, 1, 1]],
    [2, 3, [1, 1, 0]],
    [0, 2, [0, 0]],
  ])("%i over %i partitions: %j", (limit, partitions, expected) => {
    expect(expected.map((_, partition) => partitionShare(limit, partitions, partition))).toEqual(expected);
  });

  test("the shares are whole, even, add up to the limit, and leave none empty when it is not below their number", () => {
    const numbers = [fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 1, max: 4096 })] as const;
    fc.assert(
      fc.property(...numbers, (limit, partitions) => {
        const shares = Array.from({ length: partitions }, (_, i) => partitionShare(limit, partitions, i));
        const [least, most] = [Math.min(...shares), Math.max(...shares)];
        expect(shares.every(Number.isInteger)).toBe(true);
        expect(shares.reduce((a, b) => a + b, 0)).toBe(limit);
        expect(most - least).toBeLessThanOrEqual(1);
        if (limit >= partitions) expect(least).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});
