/** One number says who goes first: the lower rank. Fixed at acceptance, so that an index can keep the line in order. */

/**
 * How many sequence numbers there are to a millisecond. A sequence number is the microseconds of the shard's clock at
 * acceptance, made unique and never falling.
 */
export const SEQUENCE_PER_MS = 1000;

/**
 * Without aging a step of priority stands above every difference of age: 25 years, which keeps ten steps and the clock
 * inside the integers that a double holds exactly.
 */
const STRICT_AGING_MS = 25 * 365 * 86_400_000;

/**
 * The rank of a job with sequence number `seq`: a job of priority p goes as if it had come p times `agingMs` earlier.
 * So among jobs of one priority the order is acceptance, a higher priority goes first, and a job waits for later ones
 * of higher priority for at most `agingMs` a step; nine steps lie between the lowest and the highest. With `agingMs`
 * null it may wait for ever. Sequence numbers may run ahead of the clock, by ten seconds after a crash and by as much
 * as a clock has stepped back, and the bound is looser by that.
 */
export function rankOf(seq: number, priority: number, agingMs: number | null): number {
  return seq - priority * (agingMs ?? STRICT_AGING_MS) * SEQUENCE_PER_MS;
}
