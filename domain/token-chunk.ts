import type { Quota } from "./gcra.ts";

/**
 * Chunks of a budget: units that whoever keeps the budget hands out ahead, so that they can be spent far from it without
 * asking. Each is sized by how fast its receiver spends, is charged when it is handed out, and is void after `CHUNK_LIFE_MS`.
 *
 * What that costs: units of a chunk may be spent up to its life later than they were charged, so that in any T ms as many
 * are let through as the budget itself lets through in T + `CHUNK_LIFE_MS`; and units that lie unused in chunks are lost to
 * others until they have come back to the budget.
 */
export const CHUNK_LIFE_MS = 5_000;

/** A chunk is to last this long, however fast its receiver spends. */
const COVER_MS = 1_000;
/** Up to this part of the budget a chunk may be sized for the whole of its life: so little is no loss where it lies unused … */
const SMALL_SHARE = 0.01;
/** … as long as this part of the budget is left. */
const PLENTY = 0.5;
/** A rate is measured over no less than this: a few units in one millisecond are no rate. */
const LEAST_MEASURED_MS = 100;

/** Of what is left of a budget a chunk takes at most this part: others who ask find the rest. */
const TAKEN_SHARE = 0.5;
/** A budget of which less than this part is left is nearly spent: whoever got less than it wanted asks again later. */
const NEARLY_SPENT = 1 / 64;
/** How long whoever got less than it needed, or little of a budget that is nearly spent, asks no more. */
export const PAUSE_MS = 500;

/** What a receiver has spent or wanted to spend, and in how many milliseconds. */
export interface Spending {
  units: number;
  ms: number;
}

/** Units a second. */
export function rateOf({ units, ms }: Spending): number {
  return (units / Math.max(ms, LEAST_MEASURED_MS)) * 1_000;
}

/** How large a chunk is best for a receiver that spends `rate` units a second, in whole units. `plenty`: of what is left of the budget. */
export function chunkWanted(rate: number, { units }: Quota, plenty: boolean): number {
  const forItsLife = plenty ? Math.min(rate * (CHUNK_LIFE_MS / 1_000), units * SMALL_SHARE) : 0;
  return Math.ceil(Math.max(rate * (COVER_MS / 1_000), forItsLife));
}

/** Whether there is plenty of a budget of which `left` units are left. */
export function isPlenty(left: number, { units }: Quota): boolean {
  return left >= units * PLENTY;
}

/** What is asked for: `needed` at least, so that a call may go on that waits, and best `wanted`. Both are whole units. */
interface ChunkAsked {
  needed: number;
  wanted: number;
}

/** How large a chunk is handed out where `left` units are left: less than `needed` is none at all. */
export function chunkGranted(left: number, { needed, wanted }: ChunkAsked): number {
  if (left < needed) return 0;
  return Math.max(needed, Math.min(wanted, Math.ceil(left * TAKEN_SHARE)));
}

/** Whether a budget of `units` is nearly spent where `left` are left: then many small chunks would be asked for. */
export function isNearlySpent(left: number, { units }: Quota): boolean {
  return left < Math.floor(units * NEARLY_SPENT);
}
