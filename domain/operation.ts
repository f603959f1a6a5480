import { fingerprintOf } from "./fingerprint.ts";
import type { JobError } from "./job/job.ts";
import type { JobState } from "./job/state.ts";
import { fromStates } from "./job/transition.ts";

/** Bulk operations: one action on every job that a filter selects. */

/** What an operation does to each job that it selects. */
export const OPERATION_ACTIONS = ["cancel", "retry", "delete"] as const;
/** One of `OPERATION_ACTIONS`. */
export type OperationAction = (typeof OPERATION_ACTIONS)[number];

/** The states whose jobs an action changes, read off the graph of states. Jobs in others are passed over. */
export const ACTS_ON: Record<OperationAction, readonly JobState[]> = {
  cancel: fromStates("cancel"),
  retry: fromStates("redrive"),
  delete: fromStates("discard"),
};

/**
 * What a job must be to be selected; null asks for nothing. Bounds on times are epoch ms, and what lies on a bound is
 * not selected.
 */
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

/** What selects jobs: the action, its filter, and when the operation was created (epoch ms). */
export interface Selection {
  action: OperationAction;
  filter: OperationFilter;
  createdAt: number;
}

/**
 * What a selection looks at. `tags` and `error` are functions because each costs the parsing of JSON: they are called
 * last, and only where the filter asks for them.
 */
export interface Candidate {
  queue: string;
  state: JobState;
  orderingKey: string | null;
  createdAt: number;
  finishedAt: number | null;
  tags(): string[];
  error(): JobError | null;
}

/**
 * Whether an operation acts on the job as it is now: it was accepted before the operation, its state allows the action,
 * and the filter takes it.
 */
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

/**
 * How far an operation has come: how many jobs it has looked at (`scanned`), selected (`matched`), and changed. A job
 * that is selected and cannot be changed, as one that may not come back in line, counts as matched alone.
 */
export interface OperationCounts {
  scanned: number;
  matched: number;
  changed: number;
}

/** The counts of an operation that has not begun. */
export const NOTHING_COUNTED: OperationCounts = { scanned: 0, matched: 0, changed: 0 };

/** The counts of an operation over all its parts. */
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

/**
 * For how many ms a finished operation can be read, and for how many a shard knows one that it has done: a request that
 * comes again finds it.
 */
export const OPERATION_KEPT_MS = 7 * 86_400_000;
