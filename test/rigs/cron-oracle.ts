/**
 * When a cron expression fires, found by walking: a second implementation that knows no transitions and no offsets, and asks
 * the clock of the zone at every step what it shows. It reads the fields it is given as sets of numbers.
 */

export interface Fields {
  minute: number[] | "*";
  hour: number[] | "*";
  day: number[] | "*";
  month: number[] | "*";
  weekday: number[] | "*";
}

/** As crontab has it. */
export function expressionOf({ minute, hour, day, month, weekday }: Fields): string {
  return [minute, hour, day, month, weekday].map((field) => (field === "*" ? "*" : field.join(","))).join(" ");
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock in the zone shows, to the minute, as an instant of a clock of UTC. */
export function shownAt(zone: string, at: number): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    clocks.set(zone, clock);
  }
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = (clock.format(at).match(/\d+/g) ?? []).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute);
}

const MINUTE = 60_000;
/** No clock is set back by more. */
const BEFORE = 4 * 60 * MINUTE;

function names(field: number[] | "*", value: number): boolean {
  return field === "*" || field.includes(value);
}

function matches({ minute, hour, day, month, weekday }: Fields, shown: number): boolean {
  const date = new Date(shown);
  const [ofMonth, ofWeek] = [names(day, date.getUTCDate()), names(weekday, date.getUTCDay())];
  const ofDay = day === "*" || weekday === "*" ? ofMonth && ofWeek : ofMonth || ofWeek;
  return (
    names(minute, date.getUTCMinutes()) &&
    names(hour, date.getUTCHours()) &&
    names(month, date.getUTCMonth() + 1) &&
    ofDay
  );
}

/**
 * The instants in [from, to), walked in steps of `step` minutes, of which the clock's changes and the expression's minutes
 * have to be multiples. A time of day counts when the clock first shows it or is past it; with a `*` every time it is shown.
 */
export function walked(fields: Fields, zone: string, span: { from: number; to: number; step: number }): number[] {
  const timeOfDay = fields.minute !== "*" && fields.hour !== "*";
  const step = span.step * MINUTE;
  const found: number[] = [];
  // Some hours before, so that what was shown for the first time then is known.
  const begin = span.from - BEFORE;
  let latest = shownAt(zone, begin);
  for (let at = begin + step; at < span.to; at += step) {
    const shown = shownAt(zone, at);
    let fires = !timeOfDay && matches(fields, shown);
    for (let reading = latest + step; timeOfDay && reading <= shown; reading += step)
      fires ||= matches(fields, reading);
    latest = Math.max(latest, shown);
    if (fires && at >= span.from) found.push(at);
  }
  return found;
}

/** When the clock of a zone changes between two instants: by looking once a week and halving. */
export function changesOf(zone: string, from: number, to: number): number[] {
  const ahead = (at: number) => shownAt(zone, at) - at;
  const week = 7 * 24 * 60 * MINUTE;
  const found: number[] = [];
  for (let at = from; at < to; at += week) {
    if (ahead(at) === ahead(at + week)) continue;
    let [low, high] = [at, at + week];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (ahead(middle) === ahead(at)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}
