/** Time zones of the IANA database, as the runtime knows them. */

const ZONE = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;
/** "1/1/1970, GMT+05:30", and "GMT" alone where there is no offset. */
const OFFSET = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;
/** Formatters are slow to make (0.15 ms) and quick to use (1 µs). There are some 600 names; case does not matter in them. */
const MAX_KEPT = 100;
const SECOND_MS = 1000;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether `name` is a time zone of the IANA database. */
export function isTimezone(name: string): boolean {
  if (!ZONE.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The clocks of a time zone. Instants are in epoch ms, offsets in ms. */
export interface Zone {
  /** What a clock on the wall is ahead of UTC at an instant. */
  offsetAt(instant: number): number;
}

const UTC: Zone = { offsetAt: () => 0 };

/** Throws a RangeError for a name that this runtime does not know. */
export function zoneOf(name: string): Zone {
  if (name === "UTC") return UTC;
  const formatter = formatterOf(name);
  return { offsetAt: (instant) => offsetIn(formatter.format(instant)) };
}

/** The first instant after `from` and up to `to` at which the offset is no longer that of `from`: to the second. */
export function changeBetween(zone: Zone, from: number, to: number): number {
  const before = zone.offsetAt(from);
  let [low, high] = [Math.floor(from / SECOND_MS), Math.ceil(to / SECOND_MS)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle * SECOND_MS) === before) low = middle;
    else high = middle;
  }
  return high * SECOND_MS;
}

function formatterOf(name: string): Intl.DateTimeFormat {
  const known = formatters.get(name);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  if (formatters.size >= MAX_KEPT) formatters.clear();
  formatters.set(name, formatter);
  return formatter;
}

function offsetIn(text: string): number {
  const match = OFFSET.exec(text);
  if (match === null) throw new Error(`no offset in ${text}`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = match;
  const ahead = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * SECOND_MS;
  return sign === "-" ? -ahead : ahead;
}
