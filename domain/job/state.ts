/**
 * The states of a job. What moves a job from one to the next is `TRANSITIONS` in `transition.ts`, which names the events
 * that the comments below speak of.
 *
 * Lists of states everywhere are in this order: SQLite uses a partial index only for a condition that is written like the
 * index's own.
 */
export const JOB_STATES = [
  /**
   * Accepted and not due yet. In: `accept`, `replace` or `redrive` with a run-at ahead, or `retry`, which waits for its
   * backoff. Out: `due`, which the shard's alarm brings about at the run-at; `replace`; `cancel`; `expire`, when its
   * `expiresAt` comes first.
   */
  "scheduled",
  /**
   * Due, and not started. In: `due`, or `accept`, `retry`, `replace` or `redrive` with nothing to wait for. Out: `claim`,
   * which an ordering key, a pause or a limit may hold up; `replace`, `cancel` and `expire` as before; and `reject`, which
   * ends a job that turns out, in the step that commits it, to be one that must not run.
   */
  "queued",
  /**
   * An attempt is under way, by whoever holds the lease. In: `claim`. Out: `succeed`, `retry` or `fail`, by a report under
   * that lease, or by the alarm when the lease or the job's timeout ends; `cancel`, of which the worker learns when it
   * extends or reports. `expiresAt` says nothing about a job that has started.
   */
  "running",
  /** Done, for ever. In: `succeed`. Out: `discard`. Cleaned up as every final job: see `isFinal`. */
  "succeeded",
  /**
   * A dead letter. In: `fail`, by an error that is not to be tried again or with the last attempt; `expire`. Out:
   * `redrive`, by a person or an operation; `discard`.
   */
  "failed",
  /** Called off. In: `cancel`, or `reject`, after which it may never come back. Out: `redrive`; `discard`. */
  "cancelled",
] as const;

/** A state in which a caller can see a job. */
export type JobState = (typeof JOB_STATES)[number];

/** The states in which nothing happens to a job by itself, in the order of `JOB_STATES`. */
export const FINAL_STATES = ["succeeded", "failed", "cancelled"] as const satisfies readonly JobState[];

/** A state in which nothing happens to a job by itself. */
export type FinalState = (typeof FINAL_STATES)[number];

/**
 * A state of a job's row. `discarded`: deleted by its user, and not yet forgotten. No caller sees the job any more; its
 * emptied row hides the copy in history until the log of finished jobs has carried the deletion there, and then goes as the
 * rows of final jobs do. In: `discard`. Nothing leads out.
 */
export type RowState = JobState | "discarded";

/**
 * Whether nothing will happen to the job by itself. A final job is written to the log of finished jobs, from which history
 * copies it; its shard forgets the row once history has it and nobody may need it here any more (`purge` in the shard's
 * clock). History keeps it for its queue's retention.
 */
export function isFinal(state: JobState): state is FinalState {
  return (FINAL_STATES as readonly JobState[]).includes(state);
}
