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

/** The wait in ms before the next bell, after `unanswered` bells in a row that nobody answered. */
export function echoMs(unanswered: number): number {
  return Math.min(MAX_ECHO_MS, FIRST_ECHO_MS * 2 ** Math.min(unanswered, 10));
}
