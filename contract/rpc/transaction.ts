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

export interface RunRequest {
  v: number;
  /** The transaction's own name: `batch_…`, never used for another batch or another plan of it. */
  id: string;
  /** The caller's map; shards that know a newer one say so. */
  map: SlotMap;
  queues: QueueSettings[];
  jobs: NewJob[];
  /** Epoch ms. A transaction that is not known and was not begun by then is not begun: it may have been, and be forgotten. */
  beginBy: number;
}

/** The same request is answered the same way however often it is sent, as long as the transaction is remembered. */
export type RunReply =
  /** Accepted: everywhere, or about to be. In the order of the jobs. */
  | { type: "committed"; verdicts: Verdict[] }
  /** Some jobs were refused, and so all of them. In the order of the jobs. */
  | { type: "refused"; verdicts: Verdict[] }
  /** Aborted, because a shard knows newer settings: plan again with these, under another name. */
  | { type: "settings"; settings: QueueSettings[] }
  /** Aborted, because a shard was not heard of in time. */
  | { type: "unavailable" }
  /** See `beginBy`. */
  | { type: "too-late" };

/** The `Transaction`'s RPC surface. */
export interface TransactionApi {
  run(request: RunRequest): Promise<RunReply>;
  /** For a participant that waits for the decision. */
  outcome(request: { v: number }): Promise<Outcome>;
}

export interface PrepareRequest extends ShardCall {
  txn: string;
  /** As in `SubmitRequest`. */
  queues: QueueSettings[];
  jobs: NewJob[];
  /** Epoch ms. Nobody waits for the vote any more. */
  expiresAt: number;
}

export type PrepareReply =
  /** Votes yes: the jobs will be there when the transaction commits, whatever happens. In the order of the jobs. */
  | { type: "prepared"; verdicts: Verdict[] }
  /** Votes no, for these reasons. */
  | { type: "refused"; verdicts: Verdict[] }
  /** Votes no, because it comes after `expiresAt` or after the decision. */
  | { type: "late" }
  /** Votes no: see `SubmitReply`. */
  | { type: "settings"; settings: QueueSettings }
  | Moved
  | Busy;

export interface DecideRequest extends ShardCall {
  txn: string;
  outcome: "commit" | "abort";
  /** Where the jobs of the transaction lie that this shard was asked to prepare. */
  slots: number[];
}

export type DecideReply =
  /** Carried out, now or before. `verdicts` are of the jobs that this call accepted, by id. */
  { type: "done"; verdicts: [id: string, verdict: Verdict][] } | Moved;
