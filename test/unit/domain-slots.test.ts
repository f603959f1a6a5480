import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash32, initialMap, ownerOf, owns, partitionOf, SLOTS, slotOf } from "../../domain/slots.ts";

describe("the slot map", () => {
  test("gives every slot to exactly one shard, in even parts, for 1 to 64 shards", () => {
    for (let shards = 1; shards <= 64; shards++) {
      const map = initialMap(shards);
      const sizes = new Map<string, number>();
      const wrong: number[] = [];
      for (let slot = 0; slot < SLOTS; slot++) {
        const owner = ownerOf(map, slot);
        const owners = map.shards.filter((shard) => owns(shard, slot));
        if (owners.length !== 1 || owners[0]?.id !== owner) wrong.push(slot);
        sizes.set(owner, (sizes.get(owner) ?? 0) + 1);
      }
      expect(wrong).toEqual([]);
      expect(sizes.size).toBe(shards);
      expect(Math.max(...sizes.values()) - Math.min(...sizes.values())).toBeLessThanOrEqual(1);
    }
  });

  test.each([
    [1, 0, "shard-0"],
    [1, 4095, "shard-0"],
    [2, 2047, "shard-0"],
    [2, 2048, "shard-1"],
    [3, 1364, "shard-0"],
    [3, 1365, "shard-1"],
    [64, 63, "shard-0"],
    [64, 64, "shard-1"],
    [64, 4095, "shard-63"],
  ])("of %i shards, slot %i belongs to %s", (shards, slot, expected) => {
    expect(ownerOf(initialMap(shards), slot)).toBe(expected);
  });

  test.each([-1, SLOTS])("slot %i has no owner, and asking is a broken invariant", (slot) => {
    expect(() => ownerOf(initialMap(4), slot)).toThrow(`slot ${slot} has no owner`);
  });

  test("a range includes both its ends", () => {
    const shard = {
      id: "s",
      slots: [
        { from: 3, to: 5 },
        { from: 9, to: 9 },
      ],
    };
    expect([2, 3, 5, 6, 9, 10].map((slot) => owns(shard, slot))).toEqual([false, true, true, false, true, false]);
  });
});

describe("the hash", () => {
  // Slots are fixed for ever: another value here would send every stored job to a foreign shard.
  test.each([
    ["", 2872998923],
    ["a", 444641715],
    ["default/default/0", 3907884701],
    ["두레", 3321586286],
  ])("of %j never changes", (text, expected) => {
    expect(hash32(text)).toBe(expected);
  });

  test("is an unsigned 32 bit integer", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const hash = hash32(String.fromCharCode(...units));
        return Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32;
      }),
    );
  });

  test("spreads short, similar keys over slots and over few partitions alike", () => {
    const spread = (buckets: number, keys: number) => {
      const counts = new Array<number>(buckets).fill(0);
      for (let i = 0; i < keys; i++) {
        const bucket = hash32(`user-${i}`) % buckets;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      }
      const mean = keys / buckets;
      return { least: Math.min(...counts) / mean, most: Math.max(...counts) / mean };
    };
    // About five standard deviations of a fair draw on either side.
    for (const [buckets, keys, slack] of [
      [2, 10_000, 0.05],
      [16, 40_000, 0.1],
      [SLOTS, 409_600, 0.5],
    ] as const) {
      const { least, most } = spread(buckets, keys);
      expect(least).toBeGreaterThan(1 - slack);
      expect(most).toBeLessThan(1 + slack);
    }
  });
});

describe("a job's partition", () => {
  test.each([
    ["the ordering key decides", { orderingKey: "k", idempotencyKey: "i" }, hash32("k") % 16],
    ["then the idempotency key", { orderingKey: null, idempotencyKey: "i" }, hash32("i") % 16],
    ["then chance", { orderingKey: null, idempotencyKey: null }, 8],
  ])("%s", (_name, keys, expected) => {
    expect(partitionOf(keys, 16, 0.5)).toBe(expected);
  });

  test("chance reaches the first and the last partition, and none beyond", () => {
    const none = { orderingKey: null, idempotencyKey: null };
    expect(partitionOf(none, 16, 0)).toBe(0);
    expect(partitionOf(none, 16, 1 - Number.EPSILON / 2)).toBe(15);
  });

  test("a key's partition has nothing to do with chance, and lies within the queue", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.integer({ min: 1, max: 4096 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (key, partitions, chance) => {
          const keys = { orderingKey: key, idempotencyKey: null };
          const partition = partitionOf(keys, partitions, chance);
          return partition === partitionOf(keys, partitions, 0) && partition >= 0 && partition < partitions;
        },
      ),
    );
  });

  test("partitions of one queue lie in slots of their own, as far as chance allows", () => {
    const slots = new Set(Array.from({ length: 16 }, (_, partition) => slotOf("default", "q", partition)));
    expect(slots.size).toBeGreaterThanOrEqual(15);
    for (const slot of slots) expect(slot >= 0 && slot < SLOTS).toBe(true);
  });
});
