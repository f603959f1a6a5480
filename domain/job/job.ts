import type { JobState } from "./state.ts";

/** How the wait grows from one failed attempt to the next: it doubles, grows by the first wait, or stays. */
export const BACKOFFS = ["exponential", "linear", "constant"] as const;
/** What chance does to a wait. `full` makes it any time from none to the whole wait, `half` any from half of it on, `none` leaves it. */
export const JITTERS = ["full", "half", "none"] as const;

/**
 * How a failed attempt is tried again: at most `maxAttempts` attempts since acceptance or the last redrive, the first
 * of them included. `delayMs` is the first wait, `maxDelayMs` the longest.
 */
export interface RetryPolicy {
  maxAttempts: number;
  backoff: (typeof BACKOFFS)[number];
  delayMs: number;
  maxDelayMs: number;
  jitter: (typeof JITTERS)[number];
}

/**
 * Why an attempt did not succeed. `code` is for programs and `message` for people. With `retryable` false no other
 * attempt follows.
 */
export interface JobError {
  code: string;
  message: string;
  retryable: boolean;
}

/** What of an attempt was not done though it succeeded. `code` is for programs and `message` for people. */
export interface AttemptWarning {
  code: "spawn-refused" | "async-refused";
  message: string;
}

/**
 * How an attempt can end. `leaseExpired` stands for all that the shard ends by its clock: a worker that was not heard
 * of in time, and a timeout.
 */
export const ATTEMPT_OUTCOMES = ["succeeded", "failed", "leaseExpired", "cancelled"] as const;

/**
 * One run of a job; `number` counts from 1 and goes on over redrives. Times are epoch ms. `finishedAt`, `outcome` and
 * `error` are null while it runs.
 */
export interface Attempt {
  number: number;
  startedAt: number;
  finishedAt: number | null;
  outcome: (typeof ATTEMPT_OUTCOMES)[number] | null;
  error: JobError | null;
  worker: string | null;
  /** Of one that succeeded; left out: there is none. */
  warning?: AttemptWarning;
}

/**
 * How far a job is, in the words of its worker: `percent` is 0 to 100. `at` is when it last said something, in epoch
 * ms.
 */
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
  /** Which queue of that name it belongs to (`incarnationOf` in `queue.ts`). Left out: the first. */
  incarnation?: number;
  state: JobState;
  version: number;
  /** Attempts that were spent, the one that runs included. It goes on counting over redrives. */
  attempt: number;
  /** How often it was claimed: the fence of its leases. A job from history that is older than this lacks it. */
  delivery?: number;
  priority: number;
  orderingKey: string | null;
  /** Whose limits it counts under, where its queue limits keys. */
  concurrencyKey: string | null;
  dedupKey: string | null;
  idempotencyKey: string | null;
  /** The job whose success made this one. A job from history that is older than this lacks it. */
  parent?: string | null;
  /** How many successes deep it was brought. Left out: it was submitted. */
  depth?: number;
  /** The trace of its submission (W3C `traceparent`); left out: it had none. */
  traceparent?: string;
  /** Set on a final job whose deduplication key may still answer with it: history keeps it until then. */
  keptUntil?: number;
  tags: string[];
  timeoutMs: number;
  retry: RetryPolicy;
  payload: string;
  /** Of a job from history whose queue does not keep payloads there: `payload` is "null" then. Left out: it is the job's. */
  payloadKept?: false;
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
