/**
 * GCRA, a leaky bucket whose whole state is one number (ITU-T I.371): the theoretical arrival time (`tat`, epoch ms), at
 * which everything that was spent has been given back. Where `tat` lies in the past the bucket is full.
 *
 * In any T milliseconds at most `units` + T / `windowMs` * `units` are let through: what a full bucket has, and what comes back.
 */

/** A budget: so many units at once, given back evenly over a window of milliseconds. */
export interface Quota {
  units: number;
  windowMs: number;
}

/** What was spent without having been asked for may be this many windows more than there was; what goes beyond is forgiven. */
const DEBT_WINDOWS = 1;
/** Times are floating-point milliseconds: a unit that is there by all but this part of it is there. */
const ROUNDING = 0.01;

/** Milliseconds in which one unit comes back. */
function interval({ units, windowMs }: Quota): number {
  return windowMs / units;
}

/** Whole units that may be spent at `now`; below zero where more was spent than there was. */
export function unitsLeft(tat: number, quota: Quota, now: number): number {
  return Math.floor(exactLeft(tat, quota, now) + ROUNDING);
}

/** The same with the part of a unit that has come back already: what `bucketWith` makes the same bucket of. */
export function exactLeft(tat: number, quota: Quota, now: number): number {
  return (now + quota.windowMs - Math.max(tat, now)) / interval(quota);
}

/** The bucket after `units` were spent at `now`, whether they were there or not. */
export function spend(tat: number, quota: Quota, { units, now }: { units: number; now: number }): number {
  const limit = now + quota.windowMs * (1 + DEBT_WINDOWS);
  return Math.min(limit, Math.max(tat, now) + units * interval(quota));
}

/** A bucket that has `left` units at `now`. */
export function bucketWith(left: number, quota: Quota, now: number): number {
  return now + quota.windowMs - left * interval(quota);
}

/** Milliseconds from `now` until `units` may be spent: 0 where they are there. More than the bucket holds never are. */
export function waitFor(tat: number, quota: Quota, { units, now }: { units: number; now: number }): number {
  if (units > quota.units) return Number.POSITIVE_INFINITY;
  if (unitsLeft(tat, quota, now) >= units) return 0;
  return Math.max(0, tat - now - quota.windowMs + units * interval(quota));
}

/** A smaller budget of the same window: `part` of its units, rounded down, and no fewer than `least`. */
export function partOf({ units, windowMs }: Quota, part: number, least: number): Quota {
  return { units: Math.max(least, Math.floor(units * part)), windowMs };
}
