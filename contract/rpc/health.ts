/** What a shard says of itself. */
import type { JobState } from "../../domain/job.ts";

export interface ShardHealth {
  live: number;
  bytes: number;
  rowsWritten: number;
  counts: Record<JobState, number>;
  /** Finished jobs that history does not have yet. */
  unprojected: number;
  oldestDueAt: number | null;
  /** Ordering keys that stand still. An older shard does not say. */
  parkedKeys?: number;
  totals: {
    accepted: number;
    started: number;
    finished: number;
    staleReports: number;
    leaseExpired: number;
    bells: number;
    /** Jobs refused because a backlog or the shard was full. An older shard does not say. */
    refused?: number;
    firesFired?: number;
    firesSkipped?: number;
    firesMissed?: number;
  };
}

export interface AuditViolation {
  rule: string;
  detail: string;
}

export interface AuditReply {
  shard: string;
  epoch: number;
  slots: [number, number][];
  violations: AuditViolation[];
}
