import { fingerprintOf } from "./fingerprint.ts";
import type { JobError } from "./job/job.ts";
import type { JobState } from "./job/state.ts";
import { fromStates } from "./job/transition.ts";

/** Bulk operations: one action on every job that a filter selects. */

export const OPERATION_ACTIONS = ["cancel", "retry", "delete"] as const;
export type OperationAction = (typeof OPERATION_ACTIONS)[number];

/** The states whose jobs an action changes. */
export const ACTS_ON: Record<OperationAction, readonly JobState[]> = {
  cancel: fromStates("cancel"),
  retry: fromStates("redrive"),
  delete: fromStates("discard"),
};

/** What a job must be to be selected; null asks for nothing. Bounds on times are exclusive, epoch ms. */
export interface OperationFilter {
  queue: string | null;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  errorCode: string | null;
  fingerprint: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
  finishedBefore: number | null;
}

/** What selects jobs: the action, its filter, and when the operation was created. */
export interface Selection {
  action: OperationAction;
  filter: OperationFilter;
  createdAt: number;
}

/** What a selection looks at. What costs the parsing of JSON is asked for last. */
export interface Candidate {
  queue: string;
  state: JobState;
  orderingKey: string | null;
  createdAt: number;
  finishedAt: number | null;
  tags(): string[];
  error(): JobError | null;
}

/** Whether the operation acts on the job: it was accepted before the operation, its state allows it, and the filter takes it. */
export function selects({ action, filter, createdAt }: Selection, job: Candidate): boolean {
  if (job.createdAt > createdAt || !ACTS_ON[action].includes(job.state)) return false;
  const equal = (asked: string | null, is: string | null) => asked === null || asked === is;
  if (!equal(filter.queue, job.queue) || !equal(filter.state, job.state)) return false;
  if (!equal(filter.orderingKey, job.orderingKey)) return false;
  if (filter.createdAfter !== null && job.createdAt <= filter.createdAfter) return false;
  if (filter.createdBefore !== null && job.createdAt >= filter.createdBefore) return false;
  if (filter.finishedBefore !== null && (job.finishedAt ?? Number.POSITIVE_INFINITY) >= filter.finishedBefore) {
    return false;
  }
  return (filter.tag === null || job.tags().includes(filter.tag)) && hasError(filter, job);
}

/** A kind of failure is that of failed jobs: one that succeeded or goes on may have an error of an earlier attempt. */
function hasError({ errorCode, fingerprint }: OperationFilter, job: Candidate): boolean {
  if (errorCode === null && fingerprint === null) return true;
  const error = job.error();
  if (error === null || (errorCode !== null && error.code !== errorCode)) return false;
  return fingerprint === null || (job.state === "failed" && fingerprintOf(error) === fingerprint);
}

/** How far an operation has come: jobs looked at, selected, and changed. */
export interface OperationCounts {
  scanned: number;
  matched: number;
  changed: number;
}

export const NOTHING_COUNTED: OperationCounts = { scanned: 0, matched: 0, changed: 0 };

export function sumCounts(parts: OperationCounts[]): OperationCounts {
  return parts.reduce(
    (sum, part) => ({
      scanned: sum.scanned + part.scanned,
      matched: sum.matched + part.matched,
      changed: sum.changed + part.changed,
    }),
    NOTHING_COUNTED,
  );
}

/** A finished operation can be read for this long. As long as that a shard knows one that it has done. */
export const OPERATION_KEPT_MS = 7 * 86_400_000;
