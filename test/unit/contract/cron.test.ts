import { describe, expect, test } from "vitest";
import { cronFault, cronInstants } from "../../../contract/cron.ts";
import { isTimezone } from "../../../contract/time-zone.ts";

/** Every instant in [from, to), as UTC. */
function between(cron: string, zone: string, from: string, to: string): string[] {
  const instants = cronInstants(cron, zone);
  const found: string[] = [];
  let at = instants.next(Date.parse(from) - 1);
  while (at !== null && at < Date.parse(to)) {
    found.push(new Date(at).toISOString().slice(5, 16));
    at = instants.next(at);
  }
  return found;
}

const HALF_HOUR = 1_800_000;

describe("the change of clocks", () => {
  test.each([
    // The hour from 02:00 to 03:00 is skipped, the one before 03:00 repeated.
    ["Europe/Berlin", "30 2 * * *", "2026-03-28", "2026-03-31", ["03-28T01:30", "03-29T01:00", "03-30T00:30"]],
    ["Europe/Berlin", "30 2 * * *", "2026-10-24", "2026-10-27", ["10-24T00:30", "10-25T00:30", "10-26T01:30"]],
    ["America/New_York", "30 2 * * *", "2026-03-07", "2026-03-10", ["03-07T07:30", "03-08T07:00", "03-09T06:30"]],
    ["America/New_York", "30 1 * * *", "2026-10-31", "2026-11-03", ["10-31T05:30", "11-01T05:30", "11-02T06:30"]],
    ["America/New_York", "30 2 * * *", "2026-10-31", "2026-11-03", ["10-31T06:30", "11-01T07:30", "11-02T07:30"]],
    // Half an hour is skipped and repeated here.
    ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03", "2026-10-05", ["10-03T15:30", "10-04T15:15"]],
    // A list of times of day is as good as each of them.
    ["Europe/Berlin", "30 2,14 * * *", "2026-10-25", "2026-10-26", ["10-25T00:30", "10-25T13:30"]],
    ["Europe/Berlin", "30 2,14 * * *", "2026-03-29", "2026-03-30", ["03-29T01:00", "03-29T12:30"]],
  ])("%s: %s fires exactly once on each day from %s", (zone, cron, from, to, expected) => {
    expect(between(cron, zone, `${from}T00:00Z`, `${to}T00:00Z`)).toEqual(expected);
  });

  test.each([
    ["Europe/Berlin", "2026-03-28", "2026-03-31"],
    ["Europe/Berlin", "2026-10-24", "2026-10-27"],
    ["America/New_York", "2026-03-07", "2026-03-10"],
    ["America/New_York", "2026-10-31", "2026-11-03"],
  ])("%s: every half hour goes on evenly by real time from %s to %s", (zone, from, to) => {
    const instants = cronInstants("*/30 * * * *", zone);
    let at = Date.parse(`${from}T00:00Z`);
    while (at < Date.parse(`${to}T00:00Z`)) {
      expect(instants.next(at)).toBe(at + HALF_HOUR);
      at += HALF_HOUR;
    }
  });

  test("the next instant does not depend on where the search begins", () => {
    const instants = cronInstants("30 2 * * *", "Europe/Berlin");
    const expected = Date.parse("2026-10-26T01:30Z");
    for (let after = Date.parse("2026-10-25T00:30Z"); after < expected; after += 600_001) {
      expect(instants.next(after)).toBe(expected);
    }
  });
});

test.each([
  ["0 9 * * 1-5", "2026-11-06T10:00Z", "2026-11-09T09:00:00.000Z"],
  ["*/15 * * * * *", "2026-11-06T10:00:14.999Z", "2026-11-06T10:00:15.000Z"],
  ["*/15 * * * * *", "2026-11-06T10:00:15Z", "2026-11-06T10:00:30.000Z"],
  ["0 0 L * *", "2026-02-01T00:00Z", "2026-02-28T00:00:00.000Z"],
  ["0 0 29 FEB *", "2026-02-01T00:00Z", "2028-02-29T00:00:00.000Z"],
])("%s after %s is %s", (cron, after, expected) => {
  const next = cronInstants(cron, "UTC").next(Date.parse(after));
  expect(new Date(next ?? 0).toISOString()).toBe(expected);
});

describe("the day fields", () => {
  // November 2026 begins on a Sunday: its Mondays are the 2nd, 9th, 16th, 23rd, 30th.
  test.each([
    // As crontab(5) has it: a field that begins with `*` is a limit of its own.
    ["0 0 */2 * 1", ["11-09", "11-23"]],
    ["0 0 */10 * */2", ["11-01", "11-21"]],
    ["0 0 8,20 * */4", ["11-08"]],
    ["0 0 ?/15 * 1", ["11-16"]],
    // Otherwise either of them is enough …
    ["0 0 1,15 * 1", ["11-01", "11-02", "11-09", "11-15", "11-16", "11-23", "11-30"]],
    ["0 0 2-31/28 * 1", ["11-02", "11-09", "11-16", "11-23", "11-30"]],
    // … and one that is `*` alone is none.
    ["0 0 * * 1", ["11-02", "11-09", "11-16", "11-23", "11-30"]],
    ["0 0 15 * *", ["11-15"]],
    ["0 0 1-7 * +MON", ["11-02"]],
  ])("%s is on %j", (cron, expected) => {
    const days = between(cron, "UTC", "2026-11-01T00:00Z", "2026-12-01T00:00Z").map((at) => at.slice(0, 5));
    expect(days).toEqual(expected);
  });
});

test.each([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  [" @Daily ", "0 0 * * *"],
])("%s is %s", (nickname, cron) => {
  expect(cronFault(nickname)).toBeNull();
  const expected = between(cron, "Europe/Berlin", "2026-03-28T00:00Z", "2028-01-02T00:00Z");
  expect(expected.length).toBeGreaterThan(1);
  expect(between(nickname, "Europe/Berlin", "2026-03-28T00:00Z", "2028-01-02T00:00Z")).toEqual(expected);
});

test.each(["* * * * *", "0 */6 * * *", "30 4 1,15 * 5", "0 0 * * MON#1", "5 30 2 * * SUN", " 0  3 * * * "])(
  "%s is an expression",
  (cron) => {
    expect(cronFault(cron)).toBeNull();
  },
);

test.each(["*/60 * * * * *", "*/60 * * * *", "0 */24 * * *", "0 0 */31 * *", "0 0 1 */12 *", "0 0 * * */7"])(
  "%s has the longest step that is taken",
  (cron) => {
    expect(cronFault(cron)).toBeNull();
  },
);

test.each([
  ["", "five fields"],
  ["* * * *", "five fields"],
  ["* * * * * * *", "five fields"],
  ["@reboot", "five fields"],
  ["@every 5m", "five fields"],
  ["2026-12-01T00:00:00Z", "five fields"],
  ["61 * * * *", "minute 61: 0 to 59"],
  ["* 24 * * *", "hour 24: 0 to 23"],
  ["a b c d e", "minute `a`: 0 to 59"],
  ["*/0 * * * *", "minute */0: a step is from 1 to 60"],
  ["*/61 * * * *", "minute */61: a step is from 1 to 60"],
  ["?/61 * * * *", "minute ?/61: a step is from 1 to 60"],
  ["1,1-9/61 * * * *", "minute 1-9/61: a step is from 1 to 60"],
  ["*/61 * * * * *", "second */61: a step is from 1 to 60"],
  ["0 */25 * * *", "hour */25: a step is from 1 to 24"],
  ["0 0 */32 * *", "day of month */32: a step is from 1 to 31"],
  ["0 0 1 JAN-MAR/13 *", "month JAN-MAR/13: a step is from 1 to 12"],
  ["0 0 * * */8", "day of week */8: a step is from 1 to 7"],
  ["* * 32 * *", "day of month 32: 1 to 31"],
  ["* * * 13 *", "month 13: 1 to 12"],
  ["0 0 * * 8", "day of week 8: 0 to 7"],
  ["60 * * * * *", "second 60: 0 to 59"],
  ["5/10 * * * *", "minute `5/10`: 0 to 59"],
  ["0 0 0 * *", "day of month 0: 1 to 31"],
  ["0 0 * 0 *", "month 0: 1 to 12"],
  ["0 0 1,0,3 * *", "day of month 0: 1 to 31"],
  ["0 0 1-40/3 * *", "day of month 40: 1 to 31"],
  ["0 22-6 * * *", "hour 22-6: a range goes up, so write `22-23,0-6`"],
  ["0 0 30 2 *", "never fires"],
  ["0 0 31 4,6,9,11 *", "never fires"],
])("%s is refused: %s", (cron, fault) => {
  expect(cronFault(cron)).toContain(fault);
});

test.each([
  ["UTC", true],
  ["Europe/Berlin", true],
  ["America/Argentina/Buenos_Aires", true],
  ["", false],
  ["Europe/Atlantis", false],
  ["+02:00", false],
  ["Europe/Berlin ", false],
])("the zone %j: %s", (zone, known) => {
  expect(isTimezone(zone)).toBe(known);
});

test("of what cannot be read there are no instants, and nothing is thrown", () => {
  expect(cronInstants("nonsense", "UTC").next(0)).toBeNull();
  expect(cronInstants("0 0 * * *", "Europe/Atlantis").next(0)).toBeNull();
  expect(cronInstants("0 0 30 2 *", "UTC").next(0)).toBeNull();
});
