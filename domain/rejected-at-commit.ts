import type { JobError } from "./job/job.ts";
import type { RowState } from "./job/state.ts";

/**
 * Why a job that was accepted without its shard may not run, as found at its commit: the work of its key is another
 * job's, or its place is gone. The job is written down as cancelled (`reject`), with one of these as its error's code.
 */
export const REJECTED_AT_COMMIT_CODES = [
  "repartitioned",
  "queue-deleted",
  "replayed",
  "duplicate",
  "idempotency-mismatch",
] as const;
/** One of `REJECTED_AT_COMMIT_CODES`. */
export type RejectedAtCommitCode = (typeof REJECTED_AT_COMMIT_CODES)[number];

interface Ended {
  state: RowState;
  attempt: number;
  error: JobError | null;
}

/**
 * Whether the job ended so, and never comes back in line: two jobs of one key would run at once. Nothing else ends as
 * cancelled with one of these errors before its first attempt, because errors of other makers come with an attempt.
 */
export function rejectedAtCommit({ state, attempt, error }: Ended): boolean {
  const codes: readonly string[] = REJECTED_AT_COMMIT_CODES;
  return state === "cancelled" && attempt === 0 && error !== null && codes.includes(error.code);
}
