/** Submitting jobs to a shard. */
import type { Job, RetryPolicy } from "../../domain/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";

export interface NewJob {
  id: string;
  /** Index into `SubmitRequest.queues`. */
  queue: number;
  partition: number;
  priority: number;
  orderingKey: string | null;
  /** `hash` is of the canonical JSON of the request without the key. */
  idempotency: { key: string; hash: string } | null;
  /** At most one of these is set; neither means now. */
  delayMs: number | null;
  runAt: number | null;
  expiresAt: number | null;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
  tags: string[];
  payload: string;
}

export interface SubmitRequest extends ShardCall {
  /** The settings the caller validated with. A shard keeps the newest version it has seen. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** All or nothing: one refused job refuses all. */
  atomic: boolean;
}

export type Submitted =
  /** Committed. `createdAt` and `runAt` are the shard's. */
  | { type: "accepted"; state: "scheduled" | "queued"; createdAt: number; runAt: number }
  /** The key was seen with the same body. `job` is null when the job has already moved to history. */
  | { type: "replayed"; id: string; job: Job | null }
  /** The key was seen with another body. */
  | { type: "mismatch"; id: string }
  /** Its `expiresAt` is past, and no earlier job answers for its key. Nothing was written. */
  | { type: "expired" }
  /** The batch was atomic and another of its jobs was refused. */
  | { type: "refused" };

export type SubmitReply =
  | { type: "submitted"; results: Submitted[] }
  /** The shard knows newer settings of a queue: plan again with these. A deleted queue says so in them. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
