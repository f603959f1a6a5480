/** Bulk operations, and the keys of jobs that only history has. */
import type { OperationCounts, Selection } from "../../domain/operation.ts";
import type { ShardCall } from "./call.ts";

/** A shard's part of a bulk operation. */
export interface ShardOperation extends Selection {
  id: string;
  namespace: string;
  /** Jobs are counted, and nothing is changed. */
  dryRun: boolean;
  /** Milliseconds between two jobs that this shard puts back in line; null lets all run at once. */
  everyMs: number | null;
}

/**
 * Begins a part of an operation, which the shard then carries out by itself. Sent again, an operation that the shard
 * knows is not begun anew.
 */
export interface OperateRequest extends ShardCall {
  operation: ShardOperation;
}

/** How far a shard has come with its part of an operation. */
export interface OperationProgress extends OperationCounts {
  id: string;
  done: boolean;
}

/** Asks how far operations are. A shard answers for those that it knows. */
export interface OperationProgressRequest extends ShardCall {
  ids: string[];
}

/** A job, and the keys that answer with it. A key that it does not have is null. */
export interface JobKeys {
  id: string;
  orderingKey: string | null;
  concurrencyKey: string | null;
  idempotencyKey: string | null;
  dedupKey: string | null;
}

/** A job that history has, its queue by name. */
export interface KeyedJob extends JobKeys {
  queue: string;
  /** Which queue of that name: see `Job`. */
  incarnation?: number;
}

/**
 * Forgets the keys of those jobs that the shard does not have, because history is about to forget the jobs. Of a job
 * that the shard has it forgets nothing, and says so.
 */
export interface ReleaseKeysRequest extends ShardCall {
  namespace: string;
  jobs: KeyedJob[];
}
