/** Parked ordering keys. */
import type { JobError } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Unredrivable } from "./job.ts";
import type { QueueRef } from "./queue.ts";

/** How a key can be parked: `blocked` by a job that failed for good, or `paused` by hand. */
export const PARKED_STATES = ["blocked", "paused"] as const;

/** An ordering key as it stands. A key that is `open` is not parked. */
export interface OrderingKey {
  key: string;
  state: (typeof PARKED_STATES)[number] | "open";
  /** The failed job that waits for a decision; a key that is paused by hand may have one as well. */
  job: string | null;
  /** The error of that job; null when there is none, or the job has been forgotten. */
  error: JobError | null;
  /** When it was parked, epoch ms; null when it is open. */
  since: number | null;
  /** Unfinished jobs of the key that do not run, counted up to `MAX_WAITING`. */
  waiting: number;
}

/** Asks for the parked keys of a queue, the latest first. */
export interface OrderingKeysRequest extends QueueRef {
  /** Only keys of this state; null asks for both. */
  state: (typeof PARKED_STATES)[number] | null;
  /** Only keys behind this one, in the order of the list. */
  after: { since: number; key: string } | null;
  limit: number;
}

/** What can be done with a key. The last three decide about the failed job that blocks it. */
export const KEY_ACTIONS = ["pause", "resume", "retry", "skip", "discard"] as const;

/** Does something with one key. Sent to the owner of its slot. */
export interface ChangeKeyRequest extends ShardCall {
  /** The settings by which the caller found the shard. */
  settings: QueueSettings;
  slot: number;
  key: string;
  action: (typeof KEY_ACTIONS)[number];
  /** The id of the failed job that the caller means; null means whichever it is. */
  job: string | null;
}

/** The key as it is after the change, or why nothing was changed. */
export type ChangeKeyReply =
  | { type: "key"; key: OrderingKey }
  /** No failed job blocks the key, or another than was meant. */
  | { type: "not-blocked"; key: OrderingKey }
  /** The failed job has been forgotten: `retry` has to bring it back first. */
  | { type: "forgotten"; job: string }
  /** The failed job can never come back: see docs/adr/0006. */
  | { type: "refused"; because: Unredrivable }
  /** The shard knows newer settings of the queue. The call is to be made again with these. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
