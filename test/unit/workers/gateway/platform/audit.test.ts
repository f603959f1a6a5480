import { describe, expect, test } from "vitest";
import { slotViolations } from "../../../../../workers/gateway/platform/audit.ts";

describe("slots", () => {
  const owning = (shard: string, ...ranges: [number, number][]) => ({
    shard,
    slots: ranges.map(([from, to]) => ({ from, to })),
  });

  test("owned once each are no violation", () => {
    expect(slotViolations([owning("a", [0, 2000], [3000, 4095]), owning("b", [2001, 2999])])).toEqual([]);
  });

  test("owned twice or by nobody are", () => {
    const violations = slotViolations([owning("a", [0, 2000]), owning("b", [2000, 4000])]);
    expect(violations).toEqual([
      { shard: "b", rule: "slot-owned-twice", detail: "1 slots, the first 2000, are also owned by a" },
      { shard: "", rule: "slot-unowned", detail: "95 slots, the first 4001" },
    ]);
  });
});
