/** Lists of jobs, and the log of finished ones. */

import type { Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import type { SucceededPage } from "../succeeded-page.ts";
import type { Moved, ShardCall } from "./call.ts";

/**
 * Which jobs a list shows: those that match every field that is not null. The bounds are exclusive, in epoch
 * milliseconds.
 */
export interface JobFilter {
  queue: string | null;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

/** Which of the heavy fields of each job are read. */
export interface JobFields {
  payload: boolean;
  result: boolean;
  attempts: boolean;
}

/** Asks for a page of jobs. */
export interface ListRequest extends ShardCall {
  namespace: string;
  filter: JobFilter;
  /** Only jobs with ids below this one are looked at; null begins with the newest. */
  before: string | null;
  limit: number;
  /** A field that is not included comes back as the payload "null", the result null, or no attempts. */
  include: JobFields;
  /** The page ends with the job with which its texts have more characters than this. Left out: as many as one answer carries. */
  characters?: number;
}

/** A page of the jobs that one shard has. */
export interface ListReply {
  type: "page";
  /** The newest first. */
  items: Job[];
  /** The page is complete down to and including this id; null when nothing lies below. */
  scannedTo: string | null;
  /** Ids of jobs in the page's range that were deleted: history may still have them. */
  gone: string[];
}

/** Asks which of these jobs the shard has: of those its word stands above history's. */
export interface ExistingIdsRequest extends ShardCall {
  ids: string[];
}

/**
 * The ids of the request that the shard has, ended jobs that it has not forgotten and deleted ones too. `moved` when
 * one of them lies in a slot of another shard.
 */
export type ExistingIdsReply = { type: "existing"; ids: string[] } | Moved;

/** Asks for a page of the log of finished jobs. */
export interface FinishedRequest extends ShardCall {
  /** The projector's cursor: only entries above it are told. */
  after: number;
  /** How many jobs of the first entry an earlier page gave: that page's `skip`, 0 at the start. */
  skip: number;
  limit: number;
  /** The projector takes succeeded jobs in pages. Left out by one that knows rows alone. */
  pages?: true;
}

/** A page of the log of finished jobs, as history takes it. */
export interface FinishedReply {
  /**
   * Rows for history (`contract/history.ts`), each text short enough for SQLite to take as one value, in the order
   * the jobs finished. A job redriven since is left out; it comes again when it is final again.
   */
  chunks: string[];
  /** Those of the jobs that history takes in pages, where that was asked for. Left out by a shard that knows rows alone. */
  pages?: SucceededPage[];
  /** How many jobs are in `chunks` and `pages`. */
  jobs: number;
  /** Everything up to here is in the reply or in an earlier one. */
  cursor: number;
  /**
   * How many jobs of the entry behind the cursor are in the reply as well: the next page is asked for with both. 0 when the
   * page ends with an entry.
   */
  skip: number;
  /** Whether there is another page by now. */
  more: boolean;
  /** The cursor that the shard was last told of. Above the one it is asked from, history has some of this already. */
  projected?: number;
  /** So many ms the projector is to wait before it asks for more: the shard has other things to do. Left out: none. */
  pauseMs?: number;
}

/** How far history is. `bookmark` is of D1, for the write that came there; null where it is not known. */
export interface ProjectedRequest extends ShardCall {
  cursor: number;
  bookmark: string | null;
  /** History has no room: the shard goes on keeping what it has. */
  full?: true;
}
