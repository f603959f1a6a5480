import type { JobState } from "./job/state.ts";

/** The times of a job that the clock can act on. All epoch ms; null where there is none. */
export interface Deadlines {
  state: JobState;
  runAt: number;
  expiresAt: number | null;
  leaseEndsAt: number | null;
  attemptEndsAt: number | null;
}

/** When the clock next changes this job, or null when it never will. A shard's alarm is the least of these. */
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

export type DueAction = "start" | "expire" | "lease-ended" | "timed-out" | "none";

/** What the clock does to a job at `now`. A job that is late for both its run-at and its end has ended. */
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
