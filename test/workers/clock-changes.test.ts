import { expect, test } from "vitest";
import { everyChange, expectDailyTimes, expectGaps } from "../rigs/clock-changes.ts";

/** Changes of clocks as workerd knows them, whose data of time zones are its own. In Node the same cases are those of `time-zone.test.ts`. */

const CHANGES = everyChange();

test("there are gaps that end at midnight, and others", () => {
  expectGaps(CHANGES);
});

test("a daily time fires once on every day, in every set of rules to 2030", () => {
  expect(expectDailyTimes(CHANGES)).toBeGreaterThan(1_000);
});
