/** Submitting jobs to a shard. */
import type { DedupConflict } from "../../domain/dedup.ts";
import type { Job, RetryPolicy } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";

/** Deduplication of one call, as `contract/dedup.ts` describes it. */
export interface Dedup {
  key: string;
  /** For how many milliseconds the key answers, from the acceptance of the job that holds it. Null is for ever. */
  windowMs: number | null;
  onConflict: DedupConflict;
  /** Of `replace` only: by how many milliseconds from its acceptance a job can be put off. Null is without end. */
  maxDelayMs: number | null;
}

/**
 * A job on its way to its shard, with its id and its place. Times are in epoch milliseconds, and `payload` is JSON
 * text that nobody parses on the way.
 */
export interface NewJob {
  id: string;
  /** The index of its queue in `SubmitRequest.queues`. */
  queue: number;
  partition: number;
  priority: number;
  orderingKey: string | null;
  concurrencyKey: string | null;
  /** `hash` is the SHA-256 of the canonical JSON of the request without the key and the queue, in hex. */
  idempotency: { key: string; hash: string } | null;
  dedup: Dedup | null;
  /** At most one of `delayMs` (milliseconds from the acceptance) and `runAt` is set. With neither it runs now. */
  delayMs: number | null;
  runAt: number | null;
  expiresAt: number | null;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
  tags: string[];
  payload: string;
  /** When it was accepted, or the job made whose place it takes, epoch ms; null is the shard's now. */
  createdAt: number | null;
  /** The id of the job whose success made this one; null when none did. */
  parent: string | null;
  /** How many successes deep it was brought; left out: it was submitted. */
  depth?: number;
  /** The trace of its submission (W3C `traceparent`); left out: it had none. */
  traceparent?: string;
  /** It may be sent again for days (`DEFERRED_KNOWN_MS`): for so long after its end somebody has to know its id. */
  comesAgain?: true;
}

/** Submits jobs. It can be sent twice: a job whose id the shard knows is accepted only once. */
export interface SubmitRequest extends ShardCall {
  /** The settings that the caller went by. A shard keeps the newest version that it has seen. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** Either all jobs are accepted or none: one that is refused refuses all. */
  atomic: boolean;
  /**
   * Set where Dure itself brings the jobs. `own`: as the fires of a schedule, no full backlog refuses them. `arrived`: they were
   * let in by another shard, and nothing but a shard that can hold no more refuses them. `admitted`: nothing does any more.
   */
  exempt?: "own" | "arrived" | "admitted";
  /**
   * Each job was accepted long ago: none is refused. One that cannot run (an earlier job answers for it, its key or its
   * queue forbids it) is written as cancelled, with the reason; that is said in its result all the same. Only `undecided`
   * writes nothing, and is to be sent again.
   */
  deferred?: true;
}

/** What became of one job. */
export type Submitted =
  /** It is committed. `createdAt` and `runAt` are by the clock of the shard. */
  | { type: "accepted"; state: "scheduled" | "queued"; createdAt: number; runAt: number }
  /**
   * An earlier job answers: the idempotency key was seen with the same body, or the deduplication key is held. `job` is
   * null when the job has already moved to history.
   */
  | { type: "replayed"; id: string; job: Job | null }
  /** The key was seen with another body. */
  | { type: "mismatch"; id: string }
  /** The deduplication key is held by this job, and the call asked to be refused then. Nothing was written. */
  | { type: "duplicate"; id: string }
  /** One of its keys is held by an atomic batch that is not decided yet. Nothing was written. */
  | { type: "undecided" }
  /** Its `expiresAt` is past, and no earlier job answers for its key. Nothing was written. */
  | { type: "expired" }
  /**
   * Too many jobs wait in the queue (on this shard), the namespace has all that it may have here, or the shard holds all it
   * can. Nothing was written. It is worth another try after `retryAfterMs` milliseconds.
   */
  | { type: "full"; scope: "queue" | "namespace" | "shard"; retryAfterMs: number }
  /**
   * Work on it has thrown, which is no fault of the caller's: an earlier job that would answer cannot be read, say. Nothing was
   * written. `fault` says what was thrown, as far as it may be told.
   */
  | { type: "faulted"; fault: string }
  /** The request was atomic, and another of its jobs was refused. Nothing was written. */
  | { type: "refused" };

/** What became of all jobs, in the order of the request; with any other answer than `submitted` nothing was written. */
export type SubmitReply =
  | { type: "submitted"; results: Submitted[] }
  /** The shard knows newer settings of a queue, by which the jobs are to be placed again. Those of a deleted queue say so. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
