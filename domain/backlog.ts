/** How far a backlog may fill, and what a refused sender is told. Low priorities are refused first. */

/** From this priority on a job may fill all of it: the default is one of them. */
const FULL_PRIORITY = 4;

/** Of the whole, in per cent, what jobs of priority 0 may fill. Each step up to `FULL_PRIORITY` adds an even part. */
export const QUEUE_FLOOR_PERCENT = 60;
export const SHARD_FLOOR_PERCENT = 90;

/**
 * How far jobs of `priority` may fill what holds `max` in all, rounded down. Whatever the priority, what holds
 * anything holds one: a job must not be refused by an empty queue for ever.
 */
export function markOf(max: number, priority: number, floorPercent: number): number {
  const steps = Math.min(priority, FULL_PRIORITY);
  const percent = floorPercent * FULL_PRIORITY + (100 - floorPercent) * steps;
  return max < 1 ? 0 : Math.max(1, Math.floor((max * percent) / (100 * FULL_PRIORITY)));
}

const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 3_600_000;
/** What is told when nothing drains: nobody can know. */
export const STANDSTILL_RETRY_MS = 60_000;

/**
 * When a refused job has its chance: once so many have left that one more fits under its mark. `held` counts what is
 * there and those who were refused before it; `perSecond` is how fast it drains.
 */
export function retryAfterMs({ held, mark, perSecond }: { held: number; mark: number; perSecond: number }): number {
  if (perSecond <= 0) return STANDSTILL_RETRY_MS;
  const leaving = Math.max(0, held - mark) + 1;
  return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, Math.ceil((leaving / perSecond) * 1000)));
}
