import { describe, expect, test } from "vitest";
import { ExpiringMap } from "../../../../workers/gateway/expiring-map.ts";

describe("a bounded memory", () => {
  test("forgets after its time, and when the clock goes back", () => {
    const map = new ExpiringMap<number>(100, 10);
    map.set("a", 1, 1000);
    expect(map.get("a", 1099)).toBe(1);
    expect(map.get("a", 1100)).toBeUndefined();
    map.set("a", 1, 1000);
    expect(map.get("a", 500)).toBeUndefined();
  });

  test("makes room by forgetting the oldest", () => {
    const map = new ExpiringMap<number>(100, 2);
    for (const [i, key] of ["a", "b", "c"].entries()) map.set(key, i, 0);
    expect(["a", "b", "c"].map((key) => map.get(key, 1))).toEqual([undefined, 1, 2]);
  });
});
