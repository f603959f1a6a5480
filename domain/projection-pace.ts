/** How fast history takes finished jobs from a shard that has other things to do. */

/**
 * While a shard accepts or hands out jobs its projector pauses this long between pages of a hundred: a page takes the shard
 * a millisecond or three, so that whoever submits waits for one page at most and the shard gives a tenth of its time.
 */
const PAUSE_MS = 20;
/** From so many finished jobs on that history lacks it pauses for half as long, and from five times as many on for a quarter. */
const BACKLOG = 20_000;
const LARGE_BACKLOG = 100_000;

/** The longest that a projector waits, whatever a shard asks for. */
export const MAX_PAUSE_MS = 1_000;

/**
 * How many ms the projector of a shard is to pause before it asks for the next page. `atWork`: jobs that were accepted or
 * started lately; `lacking`: finished jobs that history does not have. It never stops altogether: under lasting load it
 * takes 4,000 jobs a second, and more the further it is behind, so that the backlog has a bound.
 */
export function projectionPauseMs({ atWork, lacking }: { atWork: number; lacking: number }): number {
  if (atWork === 0) return 0;
  if (lacking >= LARGE_BACKLOG) return PAUSE_MS / 4;
  return lacking >= BACKLOG ? PAUSE_MS / 2 : PAUSE_MS;
}
