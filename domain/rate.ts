/** Rate limits that hold in every window, not only on average: a log of the starts of the last period. */

/** At most `limit` starts in any window of `periodMs`. A window includes both of its ends. */
export interface Rate {
  limit: number;
  periodMs: number;
}

/**
 * The starts of the last period, oldest first: each moment in epoch ms, and how many started at it. It is stored as
 * JSON, and bounded in length (`withStarts`).
 */
export type RateLog = readonly (readonly [at: number, starts: number])[];

/**
 * Entries a log holds at most. Beyond, the starts of each `CELLS`-th of the period are merged and count as the last of
 * them: that can only hold a start back, by less than that part of the period, never let one through too early.
 */
const MAX_ENTRIES = 128;
const CELLS = 64;

/**
 * The starts of `log` that still count at `now` (epoch ms). A window includes both of its ends, so a start counts until
 * a whole period has passed. The clock may have stepped back: a start that seems to lie ahead is taken to have been
 * just now.
 */
export function recent(log: RateLog, rate: Rate, now: number): RateLog {
  return notAhead(
    log.filter(([at]) => at >= now - rate.periodMs),
    now,
  );
}

/** The log with every start that lies ahead of `now` moved to `now`; it is the very same log when none does. */
export function notAhead(log: RateLog, now: number): RateLog {
  return (log.at(-1)?.[0] ?? now) <= now ? log : log.map(([at, starts]) => [Math.min(at, now), starts]);
}

/** How many more may start at `now` without any window having more than its limit. */
export function rateRoom(log: RateLog, rate: Rate, now: number): number {
  return Math.max(0, rate.limit - startsIn(recent(log, rate, now)));
}

/**
 * The log with `starts` more at `now`, and without those that count no more. It has at most 128 entries: beyond that,
 * starts of one part of the period are counted as the last of them, which may hold a start back for less than a 64th of
 * the period and never lets one through too early.
 */
export function withStarts(log: RateLog, rate: Rate, started: { starts: number; now: number }): RateLog {
  const { starts, now } = started;
  const entries = recent(log, rate, now).map(([at, n]): [number, number] => [at, n]);
  const last = entries.at(-1);
  if (last?.[0] === now) last[1] += starts;
  else entries.push([now, starts]);
  return entries.length <= MAX_ENTRIES ? entries : merged(entries, rate);
}

/** When the next start is allowed, in epoch ms: `now` itself when there is room. */
export function rateOpensAt(log: RateLog, rate: Rate, now: number): number {
  return rateOpensAfter(log, rate, { ahead: 0, now });
}

/**
 * When a start is allowed that lets `ahead` others go first, each of them as soon as it may, in epoch ms. It is
 * Infinity where the limit is 0: the share of a partition that a limit does not reach.
 */
export function rateOpensAfter(log: RateLog, rate: Rate, { ahead, now }: { ahead: number; now: number }): number {
  if (rate.limit <= 0) return Number.POSITIVE_INFINITY;
  const counted = recent(log, rate, now);
  // A start and the one `limit` later lie a period apart, so the others repeat with it what happens in the first.
  const periods = Math.floor(ahead / rate.limit);
  let over = startsIn(counted) - rate.limit + 1 + (ahead % rate.limit);
  let opensAt = now;
  for (const [at, starts] of counted) {
    if (over <= 0) break;
    over -= starts;
    opensAt = at + rate.periodMs + 1;
  }
  return opensAt + periods * (rate.periodMs + 1);
}

function startsIn(log: RateLog): number {
  return log.reduce((sum, [, starts]) => sum + starts, 0);
}

/** The cells lie fixed in time: however often a log is merged, a start never moves out of its cell. */
function merged(entries: [number, number][], { periodMs }: Rate): [number, number][] {
  const width = Math.ceil(periodMs / CELLS);
  const cells: [number, number][] = [];
  for (const [at, starts] of entries) {
    const last = cells.at(-1);
    if (last === undefined || Math.floor(last[0] / width) !== Math.floor(at / width)) cells.push([at, starts]);
    else cells[cells.length - 1] = [at, last[1] + starts];
  }
  return cells;
}
