/** What a shard says of itself. */
import type { JobState } from "../../domain/job/state.ts";
import type { SlotRange } from "../../domain/slots.ts";

export interface ShardHealth {
  live: number;
  bytes: number;
  rowsWritten: number;
  counts: Record<JobState, number>;
  /** Finished jobs that history does not have yet. */
  unprojected: number;
  /** As in `Told`. An older shard does not say. */
  seq?: number;
  oldestDueAt: number | null;
  /** Ordering keys that stand still. An older shard does not say. */
  parkedKeys?: number;
  /** Events that subscribers have yet to get. An older shard does not say. */
  pendingEvents?: number;
  /** Spawned jobs that have not reached their shards, and those refused there of which no letter went out yet. An older shard does not say. */
  undelivered?: number;
  totals: {
    accepted: number;
    started: number;
    finished: number;
    staleReports: number;
    leaseExpired: number;
    bells: number;
    /** Jobs refused because a backlog or the shard was full. An older shard does not say. */
    refused?: number;
    /** Jobs that successes brought with them. */
    spawned?: number;
    /** Of them: refused by their shards for good. */
    spawnsRefused?: number;
    firesFired?: number;
    firesSkipped?: number;
    firesMissed?: number;
    eventsDelivered?: number;
    /** Tries that failed. */
    eventsFailed?: number;
    eventsDropped?: number;
  };
}

export interface AuditViolation {
  rule: string;
  detail: string;
}

export interface AuditReply {
  shard: string;
  epoch: number;
  slots: readonly SlotRange[];
  violations: AuditViolation[];
}
