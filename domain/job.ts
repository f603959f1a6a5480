/** Job states, the record of a job, and the graph of what may follow what. */

/**
 * - `scheduled`: accepted, not due yet (a future run-at, or a backoff). The shard's alarm moves it on.
 * - `queued`: due. A claim moves it on; an ordering key, a pause or a limit may hold it here.
 * - `running`: claimed under a lease. A report or the end of the lease moves it on.
 * - `succeeded`: final for ever.
 * - `failed`: final, the dead letter; a person may redrive it.
 * - `cancelled`: final; a person may redrive it.
 */
export const JOB_STATES = ["scheduled", "queued", "running", "succeeded", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export type FinalState = "succeeded" | "failed" | "cancelled";

export type JobEvent =
  | { type: "due" }
  | { type: "claim" }
  | { type: "succeed" }
  | { type: "fail"; again: boolean }
  | { type: "expire" }
  | { type: "cancel" }
  | { type: "redrive"; later: boolean }
  | { type: "replace"; later: boolean };

export function isFinal(state: JobState): state is FinalState {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

/**
 * The state after `event`, or null when the event is illegal in `state`. This function is the state graph.
 * `fail.again` is the verdict of `afterFailure`: a lost worker spends an attempt as a reported failure does,
 * so that a job which kills its worker cannot run for ever.
 */
export function nextState(state: JobState, event: JobEvent): JobState | null {
  switch (event.type) {
    case "due":
      return state === "scheduled" ? "queued" : null;
    case "claim":
      return state === "queued" ? "running" : null;
    case "succeed":
      return state === "running" ? "succeeded" : null;
    case "fail":
      if (state !== "running") return null;
      return event.again ? "scheduled" : "failed";
    case "expire":
      return state === "scheduled" || state === "queued" ? "failed" : null;
    case "cancel":
      return isFinal(state) ? null : "cancelled";
    case "redrive":
      if (state !== "failed" && state !== "cancelled") return null;
      return event.later ? "scheduled" : "queued";
    case "replace":
      if (state !== "scheduled" && state !== "queued") return null;
      return event.later ? "scheduled" : "queued";
  }
}

export const BACKOFFS = ["exponential", "linear", "constant"] as const;
export const JITTERS = ["full", "none"] as const;

/** How a failed attempt is tried again. `delayMs` is the first wait, `maxDelayMs` its ceiling. */
export interface RetryPolicy {
  maxAttempts: number;
  backoff: (typeof BACKOFFS)[number];
  delayMs: number;
  maxDelayMs: number;
  jitter: (typeof JITTERS)[number];
}

/** Why an attempt did not succeed. `retryable: false` makes the failure final. */
export interface JobError {
  code: string;
  message: string;
  retryable: boolean;
}

export const ATTEMPT_OUTCOMES = ["succeeded", "failed", "leaseExpired", "cancelled"] as const;

/** One run of a job. `finishedAt`, `outcome` and `error` are null while it runs. */
export interface Attempt {
  number: number;
  startedAt: number;
  finishedAt: number | null;
  outcome: (typeof ATTEMPT_OUTCOMES)[number] | null;
  error: JobError | null;
  worker: string | null;
}

/** How far a job is, in the words of its worker. `at` is when it last said something. */
export interface Progress {
  percent: number | null;
  message: string | null;
  at: number;
}

/**
 * A job as it crosses from a shard. `payload` and `result` are JSON text that nothing between the edge and
 * the executor parses. Times are epoch milliseconds of the shard's clock. `version` grows by one with every
 * change of the job, so that of two copies the newer is known.
 */
export interface Job {
  id: string;
  namespace: string;
  queue: string;
  state: JobState;
  version: number;
  attempt: number;
  priority: number;
  orderingKey: string | null;
  /** Whose limits it counts under, where its queue limits keys. */
  concurrencyKey: string | null;
  dedupKey: string | null;
  idempotencyKey: string | null;
  /** The job whose success made this one. A job from history that is older than this lacks it. */
  parent?: string | null;
  /** Set on a final job whose deduplication key may still answer with it: history keeps it until then. */
  keptUntil?: number;
  tags: string[];
  timeoutMs: number;
  retry: RetryPolicy;
  payload: string;
  result: string | null;
  resultTruncated: boolean;
  error: JobError | null;
  createdAt: number;
  runAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  expiresAt: number | null;
  leaseExpiresAt: number | null;
  /** What its workers said last. A job from history lacks it: what is not over is never there. */
  progress?: Progress | null;
  attempts: Attempt[];
}
