/** Atomic batches over several shards: what the gateway asks a `Transaction`, and what that and the shards say. */
import type { JobState } from "../../domain/job/state.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { SlotMap } from "../../domain/slots.ts";
import type { Outcome } from "../../domain/two-phase.ts";
import type { Busy, Moved, ShardCall } from "./call.ts";
import type { NewJob, Submitted } from "./submit.ts";

/** What became of one job of the batch, or would: as `Submitted`, without the job that answers a replay. */
export type Verdict =
  | Exclude<Submitted, { type: "replayed" }>
  /** `state` is null when the job has already moved to history. */
  | { type: "replayed"; id: string; state: JobState | null };

/** Runs an atomic batch over several shards, or asks what became of it. */
export interface RunRequest {
  v: number;
  /** The transaction's own name: `batch_…`, never used for another batch or another plan of it. */
  id: string;
  /** The caller's map. Shards that know a newer one say so. */
  map: SlotMap;
  queues: QueueSettings[];
  jobs: NewJob[];
  /** Epoch ms. A transaction that is not known is not begun after that: it may have been begun, and been forgotten. */
  beginBy: number;
}

/**
 * What became of the batch. The same request is answered the same however often it is sent, as long as the transaction
 * is remembered. Verdicts are in the order of the jobs.
 */
export type RunReply =
  /** All jobs are accepted, or are about to be. */
  | { type: "committed"; verdicts: Verdict[] }
  /** Some jobs were refused, and so none is accepted. */
  | { type: "refused"; verdicts: Verdict[] }
  /** Nothing is accepted, because a shard knows newer settings, by which the jobs are to be placed again, under another name. */
  | { type: "settings"; settings: QueueSettings[] }
  /** Nothing is accepted, because a shard was not heard of in time. */
  | { type: "unavailable" }
  /** It was not begun: see `RunRequest.beginBy`. */
  | { type: "too-late" };

/** The `Transaction`'s RPC surface. */
export interface TransactionApi {
  /** Runs the batch to its decision, or joins the run that is under way or over. */
  run(request: RunRequest): Promise<RunReply>;
  /** What was decided, for a participant that waits for it. */
  outcome(request: { v: number }): Promise<Outcome>;
}

/** Asks a shard for its vote on its part of a batch. */
export interface PrepareRequest extends ShardCall {
  /** The name of the transaction. */
  txn: string;
  /** As in `SubmitRequest`. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** Epoch ms. After that nobody waits for the vote. */
  expiresAt: number;
}

/** The vote. Verdicts are in the order of the jobs. */
export type PrepareReply =
  /** The vote is yes: the jobs will be there when the transaction commits, whatever happens. */
  | { type: "prepared"; verdicts: Verdict[] }
  /** The vote is no, for these reasons. */
  | { type: "refused"; verdicts: Verdict[] }
  /** The vote is no, because the request came after `expiresAt` or after the decision. */
  | { type: "late" }
  /** The vote is no: see `SubmitReply`. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;

/** Tells a shard what was decided about a batch. */
export interface DecideRequest extends ShardCall {
  txn: string;
  outcome: "commit" | "abort";
  /** The slots of the jobs that this shard was asked to prepare. */
  slots: number[];
}

/** What became of one job when its transaction was carried out. */
export interface JobVerdict {
  id: string;
  verdict: Verdict;
}

/**
 * The decision is carried out, by this call or by an earlier one. `verdicts` are of the jobs that this call accepted.
 */
export type DecideReply =
  /** The decision is carried out, by this call or by an earlier one. `verdicts` are of the jobs that this call accepted. */
  { type: "done"; verdicts: JobVerdict[] } | Moved;
