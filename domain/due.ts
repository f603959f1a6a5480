import type { JobState } from "./job/state.ts";

/**
 * The times of a job that the clock can act on: all in epoch ms, null where there is none. Which of them count follows
 * from the state.
 */
export interface Deadlines {
  state: JobState;
  runAt: number;
  expiresAt: number | null;
  leaseEndsAt: number | null;
  attemptEndsAt: number | null;
}

/**
 * When the clock next changes this job, in epoch ms, or null when it never will. The least of these over all jobs is
 * when a shard's alarm has to go off.
 */
export function dueAt(job: Deadlines): number | null {
  switch (job.state) {
    case "scheduled":
      return Math.min(job.runAt, job.expiresAt ?? Number.POSITIVE_INFINITY);
    case "queued":
      return job.expiresAt;
    case "running":
      return Math.min(job.leaseEndsAt ?? Number.POSITIVE_INFINITY, job.attemptEndsAt ?? Number.POSITIVE_INFINITY);
    default:
      return null;
  }
}

/**
 * What the clock can do to a job.
 *
 * - `start`: it becomes queued.
 * - `expire`: it fails, because its `expiresAt` came before it had started.
 * - `lease-ended`: its attempt ends, because nobody reported or extended in time.
 * - `timed-out`: its attempt ends, because it ran longer than the job's timeout.
 * - `none`: nothing is due.
 */
export type DueAction = "start" | "expire" | "lease-ended" | "timed-out" | "none";

/**
 * What the clock does to a job at `now` (epoch ms); it is not `none` once the time of `dueAt` has come. A job that is
 * late for both its run-at and its `expiresAt` has expired, and an attempt past both its ends has timed out.
 */
export function whatIsDue(job: Deadlines, now: number): DueAction {
  const past = (at: number | null) => at !== null && at <= now;
  switch (job.state) {
    case "scheduled":
      if (past(job.expiresAt)) return "expire";
      return past(job.runAt) ? "start" : "none";
    case "queued":
      return past(job.expiresAt) ? "expire" : "none";
    case "running":
      if (past(job.attemptEndsAt)) return "timed-out";
      return past(job.leaseEndsAt) ? "lease-ended" : "none";
    default:
      return "none";
  }
}
