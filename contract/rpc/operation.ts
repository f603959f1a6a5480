/** Bulk operations, and the keys of jobs that only history has. */
import type { OperationCounts, Selection } from "../../domain/operation.ts";
import type { ShardCall } from "./call.ts";

/** A shard's part of an operation. */
export interface ShardOperation extends Selection {
  id: string;
  namespace: string;
  /** Count, and change nothing. */
  dryRun: boolean;
  /** Milliseconds between two jobs that this shard puts back in line. Null: no pace. */
  everyMs: number | null;
}

/** Sent again, an operation that the shard knows is not begun anew. */
export interface OperateRequest extends ShardCall {
  operation: ShardOperation;
}

export interface OperationProgress extends OperationCounts {
  id: string;
  done: boolean;
}

export interface OperationProgressRequest extends ShardCall {
  ids: string[];
}

/** A job, and the keys that answer with it. */
export interface JobKeys {
  id: string;
  orderingKey: string | null;
  concurrencyKey: string | null;
  idempotencyKey: string | null;
  dedupKey: string | null;
}

/** A job that history has. */
export interface KeyedJob extends JobKeys {
  queue: string;
}

/** Forgets the keys of those jobs that the shard does not hold, because history is about to forget the jobs. */
export interface ReleaseKeysRequest extends ShardCall {
  namespace: string;
  jobs: KeyedJob[];
}
