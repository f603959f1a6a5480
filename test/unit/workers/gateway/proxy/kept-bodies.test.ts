import { expect, test } from "vitest";
import { KeptBodies } from "../../../../../workers/gateway/proxy/kept-bodies.ts";

const NOW = 1_000_000;
const MIB = 1024 * 1024;

test("keeps 32 MiB and no more, until some is given back", () => {
  const kept = new KeptBodies();
  const first = kept.take(16 * MIB, 1_000, NOW);
  expect(kept.take(16 * MIB, 1_000, NOW)).not.toBeNull();
  expect(kept.take(1, 1_000, NOW)).toBeNull();
  first?.();
  first?.();
  expect(kept.take(16 * MIB, 1_000, NOW)).not.toBeNull();
  expect(kept.take(1, 1_000, NOW)).toBeNull();
});

test("what nobody gives back is forgotten a moment after its time, also when the clock has stepped back", () => {
  const kept = new KeptBodies();
  kept.take(32 * MIB, 1_000, NOW);
  expect(kept.take(1, 1_000, NOW + 5_999)).toBeNull();
  expect(kept.take(32 * MIB, 1_000, NOW + 6_000)).not.toBeNull();
  expect(kept.take(1, 1_000, NOW - 3_600_000)).not.toBeNull();
});
