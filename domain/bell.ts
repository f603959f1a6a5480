/** When to ring for executors, and when to ring again. */

import type { Lane } from "./queue.ts";

/** Executors that one shard wakes in a lane at most. */
export const MAX_EXECUTORS: Readonly<Record<Lane, number>> = { default: 8, slow: 8, bulk: 4 };

/** How many jobs an executor claims at once, at most: so much backlog deserves one executor more. */
export const JOBS_PER_EXECUTOR = 100;

/** After how many ms a bell that nobody answered is rung again. The wait doubles with each bell in a row. */
export const FIRST_ECHO_MS = 1_500;
/** The longest wait in ms between two bells in a row. */
export const MAX_ECHO_MS = 60_000;

/** Work for which nobody has come for so many ms, though bells have rung, has nobody who would run it, as far as can be told. */
export const NO_EXECUTOR_MS = 10_000;
/** Work for which the processor has not come for so many ms: it is away, and operators are to know. */
export const PROCESSOR_AWAY_MS = 60_000;

/** What waits in a lane: how many jobs, how many of them for HTTP targets, and how many of those one executor has in hand at most. */
export interface Backlog {
  jobs: number;
  http: { jobs: number; each: number };
}

/**
 * How many executors a backlog deserves: one for each hundred jobs begun, and of HTTP jobs one for as many as it has connections
 * for. None for an empty one, and never more than `max`.
 */
export function executorsFor({ jobs, http }: Backlog, max: number): number {
  const sent = Math.min(http.jobs, jobs);
  return Math.min(max, Math.ceil((jobs - sent) / JOBS_PER_EXECUTOR + sent / http.each));
}

/**
 * An executor that waits keeps its shard in memory, which costs as much in this time as the bell that it spares: 0.128 GB-s a second
 * at $12.50 a million against three Queue operations, an invocation and a call (`docs/adr/0036`).
 */
const BELL_WORTH_MS = 1_000;
/** What follows at once upon the end of a job mostly does so within this. */
const SHORTEST_WAIT_MS = 250;
/** Of jobs that come at random no more than every fiftieth comes later than this many times the mean. */
const GAPS_AWAITED = 4;
/** How much of the mean the newest gap is. */
const NEWEST_PART = 1 / 4;
/** A pause counts as so long at most, so that a lane is soon known to be at work again. */
const LONGEST_GAP_MS = 4 * BELL_WORTH_MS;

/** The mean time in ms between jobs of a lane that come one after the other, the newest counting most; null before the second. */
export function meanGap(before: number | null, gapMs: number): number {
  const gap = Math.min(LONGEST_GAP_MS, Math.max(0, gapMs));
  return before === null ? gap : before + (gap - before) * NEWEST_PART;
}

/** How many ms an executor waits at a shard whose lane ran dry, where jobs come `gapMs` apart (`meanGap`). */
export function executorWaitMs(gapMs: number | null): number {
  const comesSoon = gapMs !== null && gapMs <= BELL_WORTH_MS;
  return comesSoon ? Math.max(SHORTEST_WAIT_MS, GAPS_AWAITED * gapMs) : SHORTEST_WAIT_MS;
}

/** The wait in ms before the next bell, after `unanswered` bells in a row that nobody answered. */
export function echoMs(unanswered: number): number {
  return Math.min(MAX_ECHO_MS, FIRST_ECHO_MS * 2 ** Math.min(unanswered, 10));
}
