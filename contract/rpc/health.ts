/** What a shard says of itself. */
import type { JobState } from "../../domain/job/state.ts";
import type { SlotRange } from "../../domain/slots.ts";

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
  /** The time of the deadline that has been due for longest; null when nothing is due. */
  oldestDueAt: number | null;
  /** Parked ordering keys. */
  parkedKeys: number;
  /** Events that subscribers have yet to get. */
  pendingEvents: number;
  /** Spawned jobs that have not reached their shards, and those refused there of which no letter went out yet. */
  undelivered: number;
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

/** What an audit of one shard came to. Without violations it found nothing wrong. */
export interface AuditReply {
  shard: string;
  /** The epoch of the map that the shard goes by, 0 when it has none. */
  epoch: number;
  /** The slots that the shard owns by that map. */
  slots: readonly SlotRange[];
  violations: AuditViolation[];
}
