/** Calls of a shard that fail, or are answered that they were sent in vain, are made this often in all. */
export const MAX_TRIES = 5;
/** 0.25 + 0.5 + 1 + 2 + 4 s at most: together less than a lease. */
const FIRST_RETRY_MS = 250;

/**
 * How long to wait after the `tries`-th try, in milliseconds; `random` is uniform in [0, 1). Between half and the whole of the
 * delay, so that loops which failed together do not come back together.
 */
export function retryDelayMs(tries: number, random: number): number {
  return FIRST_RETRY_MS * 2 ** (tries - 1) * (0.5 + random / 2);
}
