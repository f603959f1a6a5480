import { expect, test } from "vitest";
import { InFlight } from "../../../../../workers/gateway/proxy/in-flight.ts";

const NOW = 1_000_000;

test("counts in all and by instance, until each says that it has ended", () => {
  const inFlight = new InFlight();
  const first = inFlight.begin("a", 1_000, NOW);
  inFlight.begin("a", 1_000, NOW);
  inFlight.begin("b", 1_000, NOW);
  expect([inFlight.total(NOW), inFlight.at("a", NOW), inFlight.at("b", NOW), inFlight.at("c", NOW)]).toEqual([
    3, 2, 1, 0,
  ]);
  first.end();
  first.end();
  expect([inFlight.total(NOW), inFlight.at("a", NOW)]).toEqual([2, 1]);
});

test("one of whose end nobody heard counts no longer than a moment after its time", () => {
  const inFlight = new InFlight();
  const lost = inFlight.begin("a", 1_000, NOW);
  inFlight.begin("a", 60_000, NOW);
  expect(inFlight.total(NOW + 5_999)).toBe(2);
  expect(inFlight.at("a", NOW + 6_000)).toBe(1);
  // What it says when it is counted no more changes nothing.
  lost.end();
  expect(inFlight.total(NOW + 6_000)).toBe(1);
  expect(inFlight.total(NOW + 65_000)).toBe(0);
});

test("a clock that steps back by an hour keeps nothing that was begun ahead of it", () => {
  const inFlight = new InFlight();
  inFlight.begin("a", 1_000, NOW);
  expect(inFlight.total(NOW - 3_600_000)).toBe(0);
});
