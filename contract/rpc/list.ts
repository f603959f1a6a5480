/** Lists of jobs, and the log of finished ones. */

import type { Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import type { ShardCall } from "./call.ts";
import type { Told } from "./told.ts";

export interface JobFilter {
  queue: string | null;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

export interface JobFields {
  payload: boolean;
  result: boolean;
  attempts: boolean;
}

export interface ListRequest extends ShardCall {
  namespace: string;
  filter: JobFilter;
  /** Only ids below this one; null starts at the newest. */
  before: string | null;
  limit: number;
  /** Fields left out come back as "null" / null / []. */
  include: JobFields;
}

export interface ListReply extends Told {
  type: "page";
  /** Newest first. */
  items: Job[];
  /** The page is complete down to and including this id; null: nothing lies below. */
  scannedTo: string | null;
  /** Jobs of the page's range that were deleted: history may still have them. Absent: none. */
  gone?: string[];
  /**
   * Every job that has left the shard had come to its end by this number of the log: a copy of history with its cursor
   * there has them all. An older shard does not say.
   */
  forgotten?: number;
}

/** Which of these jobs the shard still holds: its word stands above history's. */
export interface HeldRequest extends ShardCall {
  ids: string[];
}

export interface FinishedRequest extends ShardCall {
  /** The projector's cursor: entries above it. */
  after: number;
  /** Jobs of the first entry that an earlier page gave: its `skip`. */
  skip?: number;
  limit: number;
}

export interface FinishedReply {
  /**
   * Rows for history (`contract/history.ts`), each text short enough for SQLite to take as one value, in the order
   * the jobs finished. A job redriven since is left out; it comes again when it is final again.
   */
  chunks: string[];
  /** How many jobs are in `chunks`. */
  jobs: number;
  /** Everything up to here is in `chunks` or in an earlier page. */
  cursor: number;
  /** Jobs beyond the cursor that are in `chunks` as well; ask on with both. 0 when the page ends with an entry. */
  skip: number;
  more: boolean;
}
