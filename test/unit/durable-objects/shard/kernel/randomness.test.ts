import { expect, test } from "vitest";
import { unguessable } from "../../../../../durable-objects/shard/kernel/randomness.ts";

test("gives each word of the source out once, over the whole of [0, 1)", () => {
  const words = Array.from({ length: 2_000 }, unguessable);
  expect(words.every((word) => word >= 0 && word < 1)).toBe(true);
  // Of 2,000 words of 32 bits two are the same in one run of two thousand.
  expect(new Set(words).size).toBeGreaterThan(1_990);
  expect(words.filter((word) => word < 0.5).length).toBeGreaterThan(800);
  expect(words.filter((word) => word >= 0.5).length).toBeGreaterThan(800);
});
