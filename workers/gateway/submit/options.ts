import type { Problem, Result } from "../../../contract/problems.ts";
import type { Submitted } from "../../../contract/rpc.ts";
import type { JobState } from "../../../domain/job/state.ts";
import type { AcceptedJob } from "../deferred/accepted-records.ts";
import type { AssignedJob } from "../routing/assigned-job.ts";
import type { Pinned } from "./pinned.ts";
import type { Item } from "./plan.ts";
import type { Randomness } from "./randomness.ts";

/** What became of one job: in a batch the problem of one costs only that. */
export type Submitting =
  | { type: "done"; assigned: AssignedJob; outcome: Submitted }
  | { type: "refused"; problem: Problem }
  /** Of a batch over several shards: an earlier job answers. `state` is null when that has moved to history. */
  | { type: "replayed"; id: string; state: JobState | null }
  /** Its shard did not answer, and its queue is `available`: it is committed later. */
  | { type: "deferred"; job: AcceptedJob };

export interface SubmitOptions {
  namespace: string;
  atomic: boolean;
  randomness: Randomness;
  now: number;
  /** It may have been sent before, so long ago that its shards may have forgotten that. */
  late?: boolean;
  /** Jobs of `available` queues are deferred when their shard is away; never those of an atomic batch. */
  defers?: boolean;
  /**
   * Of a request that can come again long after: which of these jobs have come and gone, or are there under another id.
   * Those are not sent again. By the id that the job has now: its id then.
   */
  past?: (items: readonly Item[]) => Promise<Result<Map<string, string>>>;
  /** How an earlier run placed the jobs, or will have. */
  pinned?: Pinned;
}
