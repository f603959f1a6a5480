import { Cron, type CronOptions } from "croner";
import { wrongField } from "./cron-fault.ts";
import { changeBetween, type Zone, zoneOf } from "./time-zone.ts";

/**
 * Cron expressions: five fields, or six with seconds first, or a nickname. A time of day without wildcard or step that the
 * change of clocks skips fires at the end of the gap, and one that it repeats fires once, the first time. Expressions with a
 * wildcard or step in seconds, minutes or hours go on by real time.
 *
 * croner reads the expression and counts on a calendar that knows no change of clocks; what a clock on the wall shows, and
 * when, is worked out here (docs/adr/0032).
 */
const OPTIONS = { mode: "5-or-6-parts", paused: true, utcOffset: 0 } satisfies CronOptions;

/** Any: whether an expression ever fires is looked up from here on. */
const LONG_AGO = new Date(Date.UTC(2000, 0, 1));

const FIELDS = /^\s*\S+(?:\s+\S+){4,5}\s*$/;

/** Names for expressions, as crontab(5) has them. */
export const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
]);

const FORM =
  "must have five fields, or six with seconds first, or be `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`";

/** What is wrong with a cron expression, as part of a sentence; null when nothing is. */
export function cronFault(expression: string): string | null {
  const plain = plainForm(expression);
  if (!FIELDS.test(plain)) return FORM;
  try {
    return read(plain).nextRun(LONG_AGO) === null ? "never fires: there is no such date" : null;
  } catch {
    return wrongField(plain, isExpression) ?? "is no cron expression of five fields, such as `30 2 * * *`";
  }
}

function isExpression(text: string): boolean {
  try {
    read(text);
    return true;
  } catch {
    return false;
  }
}

/** The expression that a nickname stands for, or the one that was given. */
function plainForm(expression: string): string {
  return NICKNAMES.get(expression.trim().toLowerCase()) ?? expression;
}

/**
 * Throws where it is no expression. As crontab(5) has it, a day has to match both day fields where one of them begins with
 * `*`, and either of them where none does.
 */
function read(plain: string): Cron {
  const days = fieldsOf(plain);
  const both = [days.at(-3), days.at(-1)].some((field) => field?.startsWith("*") === true);
  return new Cron(plain, { ...OPTIONS, domAndDow: both });
}

/** croner takes `?` for `*`. */
function fieldsOf(plain: string): string[] {
  return plain.trim().replaceAll("?", "*").split(/\s+/);
}

/** The instants of a schedule, in epoch ms. */
export interface Instants {
  /** The first instant after `after`, or null when there is none. */
  next(after: number): number | null;
}

/** No instants. */
export const NONE: Instants = { next: () => null };

/**
 * Takes what `cronFault` and `isTimezone` let pass. Never throws: of anything else, such as a zone that this runtime
 * does not know, there are no instants.
 */
export function cronInstants(expression: string, timezone: string): Instants {
  try {
    const plain = plainForm(expression);
    const cron = read(plain);
    const zone = zoneOf(timezone);
    const wall: Wall = (after) => cron.nextRun(new Date(after))?.getTime() ?? null;
    const next = isTimeOfDay(plain) ? nextTimeOfDay : nextByRealTime;
    return { next: (after) => next(wall, zone, after) };
  } catch {
    return NONE;
  }
}

/** Whether seconds, minutes and hours are numbers alone, lists and ranges of them too. */
function isTimeOfDay(plain: string): boolean {
  return fieldsOf(plain)
    .slice(0, -3)
    .every((field) => !/[*/]/.test(field));
}

/**
 * The next reading of a clock on the wall that the expression names, after the reading `after`. Readings are numbers as
 * instants are, of the moment at which a clock of UTC shows the same.
 */
type Wall = (after: number) => number | null;

const HOUR_MS = 3_600_000;
/** Offsets from UTC lie between -12 and +14 hours: an instant this far from a reading is on one side of it for certain. */
const BEYOND_MS = 26 * HOUR_MS;

/** The clock around a reading: its offset well before and well after it, and when it changes from one to the other. */
interface Around {
  before: number;
  after: number;
  /** Null: it does not change. */
  changeAt: number | null;
}

function around(zone: Zone, reading: number): Around {
  const [from, to] = [reading - BEYOND_MS, reading + BEYOND_MS];
  const [before, after] = [zone.offsetAt(from), zone.offsetAt(to)];
  return { before, after, changeAt: before === after ? null : changeBetween(zone, from, to) };
}

/**
 * Each reading counts at the instant at which the clock first shows it, or is past it for the first time: the end of a gap,
 * on whichever date that lies.
 */
function nextTimeOfDay(wall: Wall, zone: Zone, after: number): number | null {
  let reading = wall(after + zone.offsetAt(after));
  while (reading !== null) {
    const clock = around(zone, reading);
    const at = firstReached(clock, reading);
    if (at > after) return at;
    // The clock was set back between that instant and `after`, and shows it for the second time: so it does up to here.
    const repeatedUpTo = (clock.changeAt ?? after) + clock.before;
    reading = wall(Math.max(reading, repeatedUpTo - 1));
  }
  return null;
}

function firstReached({ before, after, changeAt }: Around, reading: number): number {
  if (changeAt === null || reading - before < changeAt) return reading - before;
  return Math.max(changeAt, reading - after);
}

/** Each reading counts at every instant at which the clock shows it: twice where it is repeated, never where it is skipped. */
function nextByRealTime(wall: Wall, zone: Zone, after: number): number | null {
  const offset = zone.offsetAt(after);
  const first = wall(after + offset);
  const setBackAt = nextSetBack(zone, after, offset);
  if (setBackAt !== null) {
    if (first !== null && first - offset < setBackAt) return first - offset;
    return shown(wall, zone, { reading: wall(setBackAt + zone.offsetAt(setBackAt) - 1), after: setBackAt - 1 });
  }
  return shown(wall, zone, { reading: first, after });
}

/** When the clock is next set back, if that is within a day: readings that are over come again then. Else null. */
function nextSetBack(zone: Zone, after: number, offset: number): number | null {
  const tomorrow = after + 24 * HOUR_MS;
  return zone.offsetAt(tomorrow) < offset ? changeBetween(zone, after, tomorrow) : null;
}

/** The first instant after `after` at which the clock shows `reading`, or a later one that the expression names. */
function shown(wall: Wall, zone: Zone, from: { reading: number | null; after: number }): number | null {
  let { reading } = from;
  while (reading !== null) {
    const { before, after, changeAt } = around(zone, reading);
    const early = reading - before;
    if ((changeAt === null || early < changeAt) && early > from.after) return early;
    const late = reading - after;
    if (changeAt !== null && late >= changeAt && late > from.after) return late;
    // In a gap: whatever the clock skips is left out.
    reading = wall(changeAt === null ? reading : Math.max(reading, changeAt + after - 1));
  }
  return null;
}
