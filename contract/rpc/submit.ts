/** Submitting jobs to a shard. */
import type { DedupConflict } from "../../domain/dedup.ts";
import type { Job, RetryPolicy } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Told } from "./told.ts";

/** Deduplication of one call; see `contract/dedup.ts`. */
export interface Dedup {
  key: string;
  /** How long the key answers, from the acceptance of the job that holds it. Null: for ever. */
  windowMs: number | null;
  onConflict: DedupConflict;
  /** `replace` only: how far beyond its acceptance a job can be put off. Null: without end. */
  maxDelayMs: number | null;
}

export interface NewJob {
  id: string;
  /** Index into `SubmitRequest.queues`. */
  queue: number;
  partition: number;
  priority: number;
  orderingKey: string | null;
  concurrencyKey: string | null;
  /** `hash` is of the canonical JSON of the request without the key. */
  idempotency: { key: string; hash: string } | null;
  dedup: Dedup | null;
  /** At most one of these is set; neither means now. */
  delayMs: number | null;
  runAt: number | null;
  expiresAt: number | null;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
  tags: string[];
  payload: string;
  /** When it was accepted, or the job made whose place it takes. Left out: the shard's now. */
  createdAt?: number;
  /** The job whose success made this one. Left out: none did. */
  parent?: string;
}

export interface SubmitRequest extends ShardCall {
  /** The settings the caller validated with. A shard keeps the newest version it has seen. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** All or nothing: one refused job refuses all. */
  atomic: boolean;
  /** Brought by Dure itself, as the fires of a schedule: no full backlog refuses them. */
  exempt?: true;
  /**
   * Each job was accepted long ago: none is refused. One that cannot run (an earlier job answers for it, its key or its
   * queue forbids it) is written as cancelled, with the reason; that is said in its result all the same. Only `undecided`
   * writes nothing, and is to be sent again.
   */
  deferred?: true;
}

export type Submitted =
  /** Committed. `createdAt` and `runAt` are the shard's. */
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
  /** Too many wait in the queue (on this shard), or the shard holds all it can. Nothing was written. */
  | { type: "full"; scope: "queue" | "shard"; retryAfterMs: number }
  /** The batch was atomic and another of its jobs was refused. */
  | { type: "refused" };

export type SubmitReply =
  | ({ type: "submitted"; results: Submitted[] } & Told)
  /** The shard knows newer settings of a queue: plan again with these. A deleted queue says so in them. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
