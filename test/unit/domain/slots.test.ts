import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash32, initialMap, ownerOf, owns, partitionOf, SLOTS, type SlotMap, slotOf } from "../../../domain/slots.ts";

/** The definition: the first shard of the map that has the slot in a range. */
function searched(map: SlotMap, slot: number): string | undefined {
  if (slot < 0 || slot >= SLOTS) return undefined;
  return map.shards.find(({ slots }) => slots.some(({ from, to }) => from <= slot && slot <= to))?.id;
}

describe("the slot map", () => {
  test("gives every slot to exactly one shard, in even parts, for 1 to 64 shards", () => {
    for (let shards = 1; shards <= 64; shards++) {
      const map = initialMap(shards);
      const sizes = new Map<string, number>();
      const wrong: number[] = [];
      for (let slot = 0; slot < SLOTS; slot++) {
        const owner = ownerOf(map, slot);
        const owners = map.shards.filter(({ id }) => owns(map, id, slot));
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
    const slots = [
      { from: 3, to: 5 },
      { from: 9, to: 9 },
    ];
    const map: SlotMap = { epoch: 1, shards: [{ id: "s", slots }] };
    expect([2, 3, 5, 6, 9, 10].map((slot) => owns(map, "s", slot))).toEqual([false, true, true, false, true, false]);
  });

  test("a slot that two shards name is the first one's alone, and one that none names is nobody's", () => {
    const map: SlotMap = {
      epoch: 1,
      shards: [
        { id: "a", slots: [{ from: 0, to: 20 }] },
        { id: "b", slots: [{ from: 10, to: 30 }] },
      ],
    };
    const ownersOf = (slot: number) => ["a", "b", "c"].filter((id) => owns(map, id, slot));
    expect([0, 10, 20, 21, 30, 31].map(ownersOf)).toEqual([["a"], ["a"], ["a"], ["b"], ["b"], []]);
    expect(() => ownerOf(map, 31)).toThrow("slot 31 has no owner at epoch 1");
  });

  /** Maps as moves leave them: shards with any ranges, that may lack slots, name them twice, or own none. */
  const anyRange = fc
    .tuple(fc.integer({ min: -2, max: SLOTS + 1 }), fc.integer({ min: -1, max: 600 }))
    .map(([from, length]) => ({ from, to: from + length }));
  const anyMap: fc.Arbitrary<SlotMap> = fc
    .array(fc.array(anyRange, { maxLength: 4 }), { maxLength: 12 })
    .map((shards) => ({ epoch: 7, shards: shards.map((slots, i) => ({ id: `shard-${i}`, slots })) }));

  test("says of any map what searching it from end to end says", () => {
    fc.assert(
      fc.property(anyMap, fc.array(fc.integer({ min: -3, max: SLOTS + 3 }), { maxLength: 50 }), (map, drawn) => {
        const edges = map.shards.flatMap(({ slots }) => slots.flatMap(({ from, to }) => [from - 1, from, to, to + 1]));
        for (const slot of [...drawn, ...edges]) {
          const owner = searched(map, slot);
          if (owner === undefined) expect(() => ownerOf(map, slot)).toThrow("has no owner");
          else expect(ownerOf(map, slot)).toBe(owner);
          for (const { id } of map.shards) expect(owns(map, id, slot)).toBe(id === owner);
        }
      }),
    );
  });

  test("is read once, however often and for how many slots it is asked", () => {
    let reads = 0;
    const shards = initialMap(1024).shards.map(({ id, slots }) => ({
      id,
      get slots() {
        reads += 1;
        return slots;
      },
    }));
    const map: SlotMap = { epoch: 1, shards };
    for (let slot = 0; slot < SLOTS; slot++) {
      ownerOf(map, slot);
      owns(map, "shard-0", slot);
    }
    expect(reads).toBe(1024);
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
        (key, partitions, randomness) => {
          const keys = { orderingKey: key, idempotencyKey: null };
          const partition = partitionOf(keys, partitions, randomness);
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
