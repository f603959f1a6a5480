import type { Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";

/** The most that the clock of the edge, which makes ids, and a shard's may differ. */
export const CLOCK_MARGIN_MS = 60_000;

/** Jobs that one query looks at for a filter which has no index: a page of those that match is shorter for it. */
export const LOOKED_AT = 2_000;

/** Payloads, results and attempts of a page, in bytes: its answer has to pass D1's limits with room to spare. */
export const PAGE_BYTES = 4 * 1024 * 1024;

/** Which finished jobs a list wants: of the queue that has that name now, or had it last. The bounds on the creation time are both exclusive, as the shards have them. */
export interface HistoryFilter {
  namespace: string;
  queue: string | null;
  /** The `queueId` of the queue, for a database without its configuration. Left out: the database knows it. */
  queueId?: string;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

/** Which of the heavy columns are read. */
export interface HeavyColumns {
  payload: boolean;
  result: boolean;
  attempts: boolean;
}

export interface HistoryPageRequest {
  /** Only ids below this one; null begins with the newest. */
  before: string | null;
  limit: number;
  include: HeavyColumns;
}

/**
 * What history of one queue may go: finished before `finishedBefore`, made before `createdBefore`, and not kept for its
 * deduplication key until `keptBefore` or later.
 */
export interface Forgettable {
  namespace: string;
  /** Its `queueId`. */
  queue: string;
  finishedBefore: number;
  createdBefore: number;
  keptBefore: number;
}

/** A page, newest id first; complete down to and including `scannedTo`, to the end when that is null. */
export interface FinishedPage {
  jobs: Job[];
  scannedTo: string | null;
}
