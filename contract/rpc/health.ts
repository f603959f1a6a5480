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
  totals: {
    accepted: number;
    started: number;
    finished: number;
    staleReports: number;
    leaseExpired: number;
    bells: number;
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
