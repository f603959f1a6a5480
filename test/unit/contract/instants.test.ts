import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instantsOf, lastUpTo, nextInstants } from "../../../contract/instants.ts";
import type { Timing } from "../../../domain/schedule.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const BORN = Date.parse("2026-11-22T15:11:06.905Z");

function timing(over: Partial<Timing>): Timing {
  const none = { cron: null, everyMs: null, timezone: "UTC", startAt: null, endAt: null };
  return { ...none, anchorAt: over.startAt ?? BORN, ...over };
}

function first(over: Partial<Timing>, count: number, after = BORN): string[] {
  const found: string[] = [];
  const instants = instantsOf(timing(over));
  for (let at = instants.next(after); at !== null && found.length < count; at = instants.next(at)) {
    found.push(new Date(at).toISOString().slice(5, 19));
  }
  return found;
}

describe("every", () => {
  test("counts from when the schedule was created, which is no instant of its own", () => {
    expect(first({ everyMs: 5400 * SECOND }, 3)).toEqual(["11-22T16:41:06", "11-22T18:11:06", "11-22T19:41:06"]);
  });

  test("counts from `start`, which is the first", () => {
    const startAt = Date.parse("2026-11-23T06:00:00Z");
    expect(first({ everyMs: 5400 * SECOND, startAt }, 3)).toEqual([
      "11-23T06:00:00",
      "11-23T07:30:00",
      "11-23T09:00:00",
    ]);
    // Long after it, it still lies on the same grid.
    expect(first({ everyMs: 5400 * SECOND, startAt }, 1, Date.parse("2031-02-03T04:05:06Z"))).toEqual([
      "02-03T04:30:00",
    ]);
  });

  test("goes on by real time when clocks change, whatever the zone", () => {
    const startAt = Date.parse("2026-03-28T23:00:00Z");
    const over = { everyMs: HOUR, startAt, timezone: "Europe/Berlin" };
    expect(first(over, 4, startAt)).toEqual(["03-29T00:00:00", "03-29T01:00:00", "03-29T02:00:00", "03-29T03:00:00"]);
  });

  test("is strictly after, on its grid, and leaves nothing out, for any numbers", () => {
    const ms = fc.integer({ min: 1000, max: 366 * 24 * HOUR });
    const time = fc.integer({ min: 0, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(ms, time, time, (everyMs, startAt, after) => {
        const next = instantsOf(timing({ everyMs, startAt })).next(after) ?? 0;
        expect(next).toBeGreaterThan(after);
        expect((next - startAt) % everyMs).toBe(0);
        expect(next - everyMs <= after || next === startAt).toBe(true);
      }),
    );
  });
});

describe("start and end", () => {
  const day = { cron: "0 6 * * *" };
  test.each<[string, Partial<Timing>, string[]]>([
    [
      "no instant before `start`",
      { startAt: Date.parse("2026-11-25T06:00:01Z") },
      ["11-26T06:00:00", "11-27T06:00:00"],
    ],
    [
      "`start` itself may be one",
      { startAt: Date.parse("2026-11-25T06:00:00Z") },
      ["11-25T06:00:00", "11-26T06:00:00"],
    ],
    ["`end` itself may be one", { endAt: Date.parse("2026-11-23T06:00:00Z") }, ["11-23T06:00:00"]],
    ["no instant after `end`", { endAt: Date.parse("2026-11-24T05:59:59Z") }, ["11-23T06:00:00"]],
    ["none at all", { endAt: BORN }, []],
  ])("%s", (_, over, expected) => {
    expect(first({ ...day, ...over }, 2)).toEqual(expected);
  });

  test("hold for `every` too", () => {
    const startAt = BORN + 30 * SECOND;
    expect(first({ everyMs: MINUTE, startAt, endAt: startAt + 2 * MINUTE }, 9)).toHaveLength(3);
  });
});

test("the next instants are as many as were asked for, or as there are", () => {
  const over = timing({ cron: "0 0 1 1 *", endAt: Date.parse("2029-06-01T00:00Z") });
  const next = instantsOf(over).next(BORN) ?? 0;
  expect(nextInstants(over, next, 5).map((at) => new Date(at).getUTCFullYear())).toEqual([2027, 2028, 2029]);
  expect(nextInstants(timing({ everyMs: SECOND }), BORN, 5)).toEqual([0, 1, 2, 3, 4].map((n) => BORN + n * SECOND));
});

test.each<[string, Partial<Timing>]>([
  ["every second", { cron: "* * * * * *" }],
  ["seconds of one hour a day", { cron: "* * 3 * * *" }],
  ["once a year", { cron: "@yearly" }],
  ["every 90 minutes", { everyMs: 90 * MINUTE }],
  ["until its end", { cron: "*/5 * * * *", endAt: BORN + HOUR }],
])("the last instant up to now is found without walking over all of them: %s", (_, over) => {
  const instants = instantsOf(timing(over));
  const known = instants.next(BORN) ?? 0;
  for (const ms of [0, 1, 59 * SECOND, HOUR, 30 * 24 * HOUR, 3 * 366 * 24 * HOUR + 7]) {
    let calls = 0;
    const counted = { next: (after: number) => instants.next(after + 0 * calls++) };
    const last = lastUpTo(counted, known, known + ms);
    expect(last).toBeLessThanOrEqual(known + ms);
    expect(last).toBeGreaterThanOrEqual(known);
    expect(instants.next(last - 1)).toBe(last);
    expect(instants.next(last) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(known + ms);
    expect(calls).toBeLessThan(60);
  }
});
