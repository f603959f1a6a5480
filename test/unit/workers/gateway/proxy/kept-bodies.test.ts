import { expect, test } from "vitest";
import { KeptBodies } from "../../../../../workers/gateway/proxy/kept-bodies.ts";

const NOW = 1_000_000;
const MIB = 1024 * 1024;

const body = (mib: number, namespace: string, ms = 1_000) => ({ namespace, bytes: mib * MIB, ms });

test("keeps 32 MiB and no more, until some is given back", () => {
  const kept = new KeptBodies();
  const first = kept.take(body(8, "a"), NOW);
  for (const namespace of ["b", "c", "d"]) expect(kept.take(body(8, namespace), NOW)).not.toBeNull();
  expect(kept.take({ namespace: "e", bytes: 1, ms: 1_000 }, NOW)).toBeNull();
  first?.();
  first?.();
  expect(kept.take(body(8, "e"), NOW)).not.toBeNull();
  expect(kept.take({ namespace: "f", bytes: 1, ms: 1_000 }, NOW)).toBeNull();
});

test("a quarter of it for one namespace, and no more, until that gives some back", () => {
  const kept = new KeptBodies();
  const first = kept.take(body(4, "a"), NOW);
  expect(kept.take(body(4, "a"), NOW)).not.toBeNull();
  expect(kept.take({ namespace: "a", bytes: 1, ms: 1_000 }, NOW)).toBeNull();
  expect(kept.take(body(8, "b"), NOW)).not.toBeNull();
  first?.();
  first?.();
  expect(kept.take(body(4, "a"), NOW)).not.toBeNull();
  expect(kept.take({ namespace: "a", bytes: 1, ms: 1_000 }, NOW)).toBeNull();
});

test("what nobody gives back is forgotten a moment after its time, also when the clock has stepped back", () => {
  const kept = new KeptBodies();
  kept.take(body(8, "a"), NOW);
  expect(kept.take(body(1, "a"), NOW + 5_999)).toBeNull();
  expect(kept.take(body(8, "a"), NOW + 6_000)).not.toBeNull();
  expect(kept.take(body(1, "a"), NOW - 3_600_000)).not.toBeNull();
});
