/** How far a backlog may fill, and what a refused sender is told. Low priorities are refused first. */

/** From this priority on a job may fill all of it: the default is one of them. */
const FULL_PRIORITY = 4;

/**
 * The part of a queue's `maxBacklog`, in per cent, that jobs of priority 0 may fill. Each step of priority up to
 * `FULL_PRIORITY` adds an even part of the rest.
 */
export const QUEUE_FLOOR_PERCENT = 60;
/**
 * The part of what a shard holds at most, in per cent, that jobs of priority 0 may fill: of its jobs, and of its bytes.
 * Each step of priority up to `FULL_PRIORITY` adds an even part of the rest.
 */
export const SHARD_FLOOR_PERCENT = 90;

/**
 * How many jobs there may be of what holds `max` in all, for one more of `priority` to be let in: rounded down, and
 * growing with the priority up to `max` itself. What holds any job holds one of every priority, because a job must not
 * be refused by an empty queue for ever.
 */
export function markOf(max: number, priority: number, floorPercent: number): number {
  const steps = Math.min(priority, FULL_PRIORITY);
  const percent = floorPercent * FULL_PRIORITY + (100 - floorPercent) * steps;
  return max < 1 ? 0 : Math.max(1, Math.floor((max * percent) / (100 * FULL_PRIORITY)));
}

const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 3_600_000;
/** The wait in ms that a refused sender is told when nothing drains: when there will be room, nobody can know. */
export const STANDSTILL_RETRY_MS = 60_000;

/**
 * How many ms a refused sender is told to wait: as long as it takes until so many jobs have left that one more fits
 * under its mark. `backlog` counts the jobs that are there and those refused before this one, `perSecond` is how many
 * leave. The answer lies between a second and an hour.
 */
export function retryAfterMs({
  backlog,
  mark,
  perSecond,
}: {
  backlog: number;
  mark: number;
  perSecond: number;
}): number {
  if (perSecond <= 0) return STANDSTILL_RETRY_MS;
  const leaving = Math.max(0, backlog - mark) + 1;
  return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, Math.ceil((leaving / perSecond) * 1000)));
}
