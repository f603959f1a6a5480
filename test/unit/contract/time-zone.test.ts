import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cronInstants } from "../../../contract/cron.ts";
import { ANY, between, everyChange, expectDailyTimes, expectGaps } from "../../rigs/clock-changes.ts";
import { type Fields, walked } from "../../rigs/cron-oracle.ts";

/** Instants against a walk over the minutes that asks the zone's clock at each of them (`test/rigs/cron-oracle.ts`). */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CHANGES = everyChange();

test("there are gaps that end at midnight, and others", () => {
  expectGaps(CHANGES);
});

test("a daily time fires once on every day, in every set of rules to 2030", () => {
  expect(expectDailyTimes(CHANGES)).toBeGreaterThan(1_000);
});

test("what an hour that is shown again has fired already does not fire again, wherever in it the search begins", () => {
  const setBack = CHANGES.filter(({ before, after }) => after < before);
  for (const { zone, at, before } of setBack.filter((_, n) => n % 5 === 0)) {
    const hours = [-1, 0, 1].map((n) => new Date(before + n * 60 * MINUTE).getUTCHours());
    const fields = { ...ANY, minute: [0, 30], hour: hours };
    const to = at + 3 * 60 * MINUTE;
    const expected = walked(fields, zone, { from: at - MINUTE * 60, to, step: 15 });
    for (let from = at - MINUTE * 60; from < to; from += 20 * MINUTE) {
      expect(between(fields, zone, { from, to })).toEqual(expected.filter((instant) => instant >= from));
    }
  }
});

describe("a gap that ends at midnight", () => {
  test.each([
    ["America/Nuuk", "30 23 * * *", "2027-03-27T00:00Z", ["03-27T01:30", "03-28T01:00", "03-29T00:30"]],
    ["America/Nuuk", "30 23 * * 6", "2027-03-27T12:00Z", ["03-28T01:00"]],
    ["America/Nuuk", "30 23 27 3 *", "2027-03-27T12:00Z", ["03-28T01:00"]],
    ["America/Nuuk", "0,30 23 * * *", "2027-03-28T00:00Z", ["03-28T01:00", "03-29T00:00", "03-29T00:30"]],
    ["America/Nuuk", "0 23,0 * * *", "2027-03-28T00:00Z", ["03-28T01:00", "03-29T00:00", "03-29T01:00"]],
    ["America/Scoresbysund", "59 23 * * *", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:59"]],
    // Others begin at midnight.
    ["Africa/Cairo", "30 0 * * *", "2026-04-23T12:00Z", ["04-23T22:00", "04-24T21:30"]],
    ["America/Santiago", "0 0 * * 0", "2026-09-05T12:00Z", ["09-06T04:00", "09-13T03:00"]],
  ])("%s: %s after %s fires at its end, on the date that was left", (zone, cron, after, expected) => {
    const instants = cronInstants(cron, zone);
    let at: number | null = Date.parse(after);
    const found = expected.map(() => {
      at = instants.next(at ?? 0);
      return new Date(at ?? 0).toISOString().slice(5, 16);
    });
    expect(found).toEqual(expected);
  });
});

const some = (least: number, most: number, unit = 1) =>
  fc.uniqueArray(
    fc.integer({ min: least, max: most }).map((n) => n * unit),
    { minLength: 1, maxLength: 4 },
  );
const orAny = (field: fc.Arbitrary<number[]>) => fc.oneof(field, fc.constant("*" as const));

test("any expression around any change of clocks is what the walk finds", () => {
  const fields = fc.record<Fields>({
    minute: fc.oneof(some(0, 3, 15), some(0, 59)),
    hour: orAny(fc.oneof(some(0, 4), some(20, 23), some(0, 23))),
    day: orAny(some(1, 31)),
    month: fc.oneof(fc.constant("*" as const), some(1, 12)),
    weekday: orAny(some(0, 6)),
  });
  const changes = fc.constantFrom(...CHANGES);
  fc.assert(
    fc.property(fields, changes, fc.integer({ min: -1500, max: 1500 }), (expression, { zone, at }, minutes) => {
      const span = { from: at + minutes * MINUTE, to: at + minutes * MINUTE + DAY };
      expect(between(expression, zone, span)).toEqual(walked(expression, zone, { ...span, step: 1 }));
    }),
    { numRuns: 150 },
  );
});

test("with `*` for the minute every minute that a clock shows is an instant, over gaps and twice", () => {
  for (const { zone, at } of CHANGES.filter((_, n) => n % 40 === 0)) {
    const span = { from: at - 90 * MINUTE, to: at + 90 * MINUTE };
    for (const fields of [ANY, { ...ANY, hour: [0, 1, 2, 23] }]) {
      expect(between(fields, zone, span)).toEqual(walked(fields, zone, { ...span, step: 1 }));
    }
  }
});
