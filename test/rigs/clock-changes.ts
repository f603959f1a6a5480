import { expect } from "vitest";
import { cronInstants } from "../../contract/cron.ts";
import { changesOf, expressionOf, type Fields, shownAt, walked } from "./cron-oracle.ts";

/** Every change of clocks to 2030, as the runtime knows them in which this runs, and what schedules make of them. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const [FIRST, LAST] = [Date.UTC(2026, 0, 1), Date.UTC(2031, 0, 1)];

export const ANY: Fields = { minute: "*", hour: "*", day: "*", month: "*", weekday: "*" };

/** The instants of an expression in a span of time, the end left out. */
export function between(fields: Fields, zone: string, { from, to }: { from: number; to: number }): number[] {
  const instants = cronInstants(expressionOf(fields), zone);
  const found: number[] = [];
  for (let at = instants.next(from - 1); at !== null && at < to; at = instants.next(at)) found.push(at);
  return found;
}

export interface Change {
  zone: string;
  at: number;
  /** What a clock shows just before and from then on. */
  before: number;
  after: number;
}

/** Each change of clocks, of one zone of those that have the same clock all the time. */
export function everyChange(): Change[] {
  const byRules = new Map<string, Change[]>();
  for (const zone of Intl.supportedValuesOf("timeZone")) {
    const changes = changesOf(zone, FIRST, LAST).map((at) => {
      const before = shownAt(zone, at - MINUTE) + MINUTE;
      return { zone, at, before, after: shownAt(zone, at) };
    });
    byRules.set(changes.map(({ at, before, after }) => [at, before, after].join()).join(" "), changes);
  }
  return [...byRules.values()].flat();
}

/** That there are gaps which end at midnight, in each year, and others. */
export function expectGaps(changes: readonly Change[]): void {
  const gaps = changes.filter(({ before, after }) => after > before);
  const toMidnight = gaps.filter(({ after }) => after % DAY === 0);
  expect(new Set(toMidnight.map(({ before }) => (before % DAY) / MINUTE))).toEqual(new Set([23 * 60]));
  expect(toMidnight.map(({ at }) => new Date(at).getUTCFullYear())).toEqual(
    expect.arrayContaining([2026, 2027, 2028, 2029, 2030]),
  );
  expect(gaps.length).toBeGreaterThan(toMidnight.length);
  expect(changes.length).toBeGreaterThan(gaps.length);
}

/** Half hours of the day around what is skipped or repeated, as the clock shows them. */
function timesAround({ before, after }: Change): [hour: number, minute: number][] {
  const times: [number, number][] = [];
  const [from, to] = [Math.min(before, after) - 60 * MINUTE, Math.max(before, after) + 60 * MINUTE];
  for (let at = from; at <= to; at += 30 * MINUTE)
    times.push([new Date(at).getUTCHours(), new Date(at).getUTCMinutes()]);
  return times;
}

/** That a daily time around any of the changes fires when the walk says, and on no day not at all. Answers how many times there were. */
export function expectDailyTimes(changes: readonly Change[]): number {
  let times = 0;
  for (const change of changes) {
    const span = { from: change.at - DAY, to: change.at + DAY };
    for (const [hour, minute] of timesAround(change)) {
      const fields = { ...ANY, minute: [minute], hour: [hour] };
      const expected = walked(fields, change.zone, { ...span, step: 30 });
      expect(between(fields, change.zone, span), `${change.zone} ${expressionOf(fields)}`).toEqual(expected);
      expect(expected.length).toBeGreaterThanOrEqual(1);
      times += 1;
    }
  }
  return times;
}
