/** What a shard says of itself. */
import type { JobState } from "../../domain/job/state.ts";
import type { Lane } from "../../domain/queue.ts";
import type { SlotRange } from "../../domain/slots.ts";
import type { ShardCall } from "./call.ts";

/** Who comes for the jobs of one line, as far as a shard knows. Times are in epoch milliseconds. */
export interface ExecutorHealth {
  lane: Lane;
  /** Whose jobs these are: the processor's, or those of the consumer that claims by queue. */
  executor: "processor" | "consumer";
  /** The release that the processor told; null when it told none. */
  version: string | null;
  /** When it came last, up to an hour older than that after a restart; null when nobody is known to have come. */
  visitedAt: number | null;
  /** Since when work has waited and nobody has come for it; null when nothing waits. */
  awaySince: number | null;
}

/** What a shard holds, and what it has done since its object started. Times are in epoch milliseconds. */
export interface ShardHealth {
  /** Unfinished jobs. */
  live: number;
  /** The size of the database. */
  bytes: number;
  /** Rows written since the object started. */
  rowsWritten: number;
  counts: Record<JobState, number>;
  /** Finished jobs that history does not have yet. */
  unprojected: number;
  /** Since when its database has had no room for them, epoch ms; null: it has, as far as is known. Left out by a shard of an earlier version. */
  historyFullSince?: number | null;
  /** The time of the deadline that has been due for longest; null when nothing is due. */
  oldestDueAt: number | null;
  /** Parked ordering keys. */
  parkedKeys: number;
  /** Events that subscribers have yet to get. */
  pendingEvents: number;
  /** Spawned jobs that have not reached their shards, and those refused there of which no letter went out yet. */
  undelivered: number;
  /** Lines that somebody came for, or in which something waits. Left out by a shard of an earlier version. */
  executors?: ExecutorHealth[];
  /** Counted since the object started. */
  totals: {
    accepted: number;
    started: number;
    finished: number;
    staleReports: number;
    leaseExpired: number;
    bells: number;
    /** Jobs refused because a backlog or the shard was full. */
    refused: number;
    /** Jobs that successes brought with them. */
    spawned: number;
    /** Of the spawned jobs: those that their shards refused for good. */
    spawnsRefused: number;
    firesFired: number;
    firesSkipped: number;
    firesMissed: number;
    eventsDelivered: number;
    /** Tries to deliver events that failed. */
    eventsFailed: number;
    eventsDropped: number;
  };
}

/** A rule that the rows of a shard break, and where. */
export interface AuditViolation {
  rule: string;
  detail: string;
}

/** Left out, or false, `walk` asks for what is known; true: for a step further of the pass that is under way, or of a new one. */
export interface AuditRequest extends ShardCall {
  walk?: boolean;
}

/** One pass of the audit over all rows of a shard. */
export interface AuditPassView {
  /** Passes of a shard are numbered: one that began later has a higher number. */
  number: number;
  /** Epoch milliseconds, as is `finishedAt`, which is null as long as the pass is under way. */
  startedAt: number;
  finishedAt: number | null;
  /** Rows looked at so far, each as often as it was. */
  rows: number;
  /** How many violations it has found so far. */
  violations: number;
}

/** What the audit of one shard knows. */
export interface AuditReply {
  shard: string;
  /** The epoch of the map that the shard goes by, 0 when it has none. */
  epoch: number;
  /** The slots that the shard owns by that map. */
  slots: readonly SlotRange[];
  /** What the last full pass has found, the one that is under way, and what is wrong at this moment. */
  violations: AuditViolation[];
  /** The shard is small: all of it was looked at in this call. Left out by shards that look at all of it in each. */
  fresh?: boolean;
  /** The last full pass; null when there was none. */
  last?: AuditPassView | null;
  /** The pass that is under way; null when none is. */
  running?: AuditPassView | null;
}
