import { expect, test } from "vitest";
import { UnderWay } from "../../../../durable-objects/service/under-way.ts";

const NOW = 1_000_000;
const LIMIT = 40;

/** What isolates are given, each as it speaks. */
function shares() {
  const underWay = new UnderWay();
  return (name: string, wants: number, now = NOW): number => {
    underWay.expire(now);
    underWay.hear(name, { inFlight: {}, wants }, { isInstance: () => true, now });
    return underWay.shareOf(name, LIMIT, now);
  };
}

test("one alone has all of the limit, however little it wants at the moment", () => {
  expect(shares()("a", 1)).toBe(40);
});

test("another gets a part of what it is due at once, and all of it once the first has given way", () => {
  const ask = shares();
  ask("a", 40);
  expect(ask("b", 40)).toBe(5);
  expect(ask("a", 40, NOW + 1_000)).toBe(20);
  expect(ask("b", 40, NOW + 1_000)).toBe(20);
});

test("whoever has been silent for a while keeps no more than it had under way", () => {
  const ask = shares();
  ask("a", 1);
  expect(ask("b", 60, NOW + 2_499)).toBe(10);
  expect(ask("b", 60, NOW + 2_500)).toBe(39);
});

test("what nobody wants is divided, and each has one at least, also where there are more isolates than may be under way", () => {
  const ask = shares();
  expect([ask("a", 2), ask("b", 2, NOW), ask("a", 2, NOW), ask("b", 2, NOW)]).toEqual([40, 5, 20, 20]);
  for (let i = 0; i < 60; i++) expect(ask(`c${i}`, 10)).toBeGreaterThanOrEqual(1);
});

test("a clock that steps back by an hour leaves nobody without a share", () => {
  const ask = shares();
  ask("a", 40);
  expect(ask("b", 40, NOW - 3_600_000)).toBeGreaterThanOrEqual(1);
});
