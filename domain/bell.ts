/** When to ring for executors, and when to ring again. */

/** An executor claims up to this many jobs at once, so this much backlog deserves one more of them. */
export const JOBS_PER_EXECUTOR = 100;

/** A bell that nobody answered is rung again after 1.5 s, then twice as long each time, up to a minute. */
export const FIRST_ECHO_MS = 1_500;
export const MAX_ECHO_MS = 60_000;

/** How many executors a backlog deserves: one for each hundred jobs, at most `max`. */
export function executorsFor(ready: number, max: number): number {
  return Math.min(max, Math.ceil(ready / JOBS_PER_EXECUTOR));
}

/** The wait before ringing again, after `unanswered` bells in a row. */
export function echoMs(unanswered: number): number {
  return Math.min(MAX_ECHO_MS, FIRST_ECHO_MS * 2 ** Math.min(unanswered, 10));
}
