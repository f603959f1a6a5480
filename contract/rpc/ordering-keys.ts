/** Ordering keys that stand still. */
import type { JobError } from "../../domain/job/job.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { Unredrivable } from "./job.ts";
import type { QueueRef } from "./queue.ts";

export const PARKED_STATES = ["blocked", "paused"] as const;

/** An ordering key as it stands. `open`: nothing holds it. */
export interface OrderingKey {
  key: string;
  state: (typeof PARKED_STATES)[number] | "open";
  /** The failed job that waits for a decision; a key that is paused by hand may have one as well. */
  job: string | null;
  /** Of that job; null when it has been forgotten. */
  error: JobError | null;
  since: number | null;
  /** Unfinished jobs of the key that do not run, counted up to `MAX_WAITING`. */
  waiting: number;
}

export interface OrderingKeysRequest extends QueueRef {
  /** Null: both. */
  state: (typeof PARKED_STATES)[number] | null;
  /** Only keys behind this one, in the order of the list. */
  after: { since: number; key: string } | null;
  limit: number;
}

export const KEY_ACTIONS = ["pause", "resume", "retry", "skip", "discard"] as const;

export interface ChangeKeyRequest extends ShardCall {
  /** The settings by which the caller found the shard. */
  settings: QueueSettings;
  slot: number;
  key: string;
  /** The last three decide about the failed job that blocks the key. */
  action: (typeof KEY_ACTIONS)[number];
  /** The failed job that the caller means; null is whichever it is. */
  job: string | null;
}

export type ChangeKeyReply =
  | { type: "key"; key: OrderingKey }
  /** Nothing failed that a decision could be about, or not the job that was meant. */
  | { type: "not-blocked"; key: OrderingKey }
  /** The failed job has been forgotten: `retry` has to bring it back first. */
  | { type: "forgotten"; job: string }
  /** The failed job can never come back: see docs/adr/0006. */
  | { type: "refused"; because: Unredrivable }
  /** The shard knows newer settings: ask again with these. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;
