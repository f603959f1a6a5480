import type { JobState } from "./state.ts";

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
