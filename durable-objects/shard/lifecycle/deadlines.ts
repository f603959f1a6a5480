import { type DueAction, whatIsDue } from "../../../domain/due.ts";
import type { JobError } from "../../../domain/job/job.ts";
import type { JobHead } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { transition } from "../jobs/transition.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES, queueKey } from "../queues/queue-store.ts";
import { endLost } from "./end-attempt.ts";

/** Jobs that the clock moves in one step: a step stays short, the next one goes on. */
export const DUE_PER_STEP = 100;

const LEASE_EXPIRED: JobError = {
  code: "lease-expired",
  message: "The worker neither reported nor extended its lease in time.",
  retryable: true,
};
const TIMED_OUT: JobError = {
  code: "timeout",
  message: "The attempt ran longer than the job's timeout.",
  retryable: true,
};
const EXPIRED: JobError = {
  code: "expired",
  message: "The job was not started before its expiresAt.",
  retryable: false,
};

/** Moves the jobs on whose time has come, soonest first. True when more are due than one step may move. */
export function applyDeadlines(step: Step): boolean {
  const jobs = step.get(JOBS);
  const passedOver = step.get(QUARANTINE).count(EACH_JOB.kind, step.now);
  const rows = jobs.due(step.now, DUE_PER_STEP + passedOver);
  walk(step, EACH_JOB, {
    rows,
    each: ({ id }) => {
      // Read again: an earlier job of this loop may have opened or closed this one's ordering key.
      const row = jobs.head(id);
      if (row !== null) applyDeadline(step, row);
    },
  });
  wakeForRetries(step);
  return rows.length === DUE_PER_STEP + passedOver;
}

/** A job that was set aside may be claimed again by time alone: those who wait for work of its queue look again. */
function wakeForRetries(step: Step): void {
  const quarantine = step.get(QUARANTINE);
  if (!quarantine.any) return;
  for (const { kind, key } of quarantine.list()) {
    const row = kind !== EACH_JOB.kind || quarantine.holds(kind, key, step.now) ? null : step.get(JOBS).head(key);
    if (row?.state === "queued") step.wake(queueKey(step.get(QUEUES).get(row.queue).settings));
  }
}

/** When the clock has to act on a job, epoch milliseconds: those that are set aside count from their next try on. */
export function nextDeadline(parts: Parts, now: number): number | null {
  const jobs = parts.get(JOBS);
  return parts.get(QUARANTINE).nextAt(
    { kind: EACH_JOB.kind, now },
    () => jobs.nextDueAt(now),
    (limit) => jobs.dueTimes(limit, now),
  );
}

/** What the clock does to one job, if anything. Also called by a report that comes when its lease has just ended. */
export function applyDeadline(step: Step, row: JobHead): void {
  const action = dueActionOf(row, step.now);
  switch (action) {
    case "start":
      transition(step, row, { type: "due" });
      return;
    case "expire":
      transition(step, row, { type: "expire", set: { finished_at: step.now, error: JSON.stringify(EXPIRED) } });
      return;
    case "lease-ended":
    case "timed-out": {
      const error = action === "timed-out" ? TIMED_OUT : LEASE_EXPIRED;
      endLost(step, row, error);
      const { totals } = step.get(METRICS);
      step.onCommit(() => {
        totals.leaseExpired += 1;
      });
      return;
    }
    case "none":
  }
}

function dueActionOf(row: JobHead, now: number): DueAction {
  const times = {
    state: row.state,
    runAt: row.run_at,
    expiresAt: row.expires_at,
    leaseEndsAt: row.lease_ends_at,
    attemptEndsAt: row.attempt_ends_at,
  };
  return whatIsDue(times, now);
}
