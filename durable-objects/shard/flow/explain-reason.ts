import type { Explanation } from "../../../contract/rpc.ts";
import type { JobHead } from "../jobs/job-row.ts";
import type { Parts } from "../kernel/part.ts";
import type { KnownQueue } from "../queues/known-queue.ts";

/** Jobs, or turns, counted ahead at most: beyond, the number says "at least". */
export const MAX_AHEAD = 10_000;

export type Reason = Omit<Explanation, "state">;

/** What an explanation is made from: the job, its queue, and what a claim would look at. */
export interface Asked {
  parts: Parts;
  row: JobHead;
  queue: KnownQueue;
  now: number;
}

/** A reason, without the numbers that it does not have. */
export function because(reason: Reason["reason"], detail: string, more: Partial<Reason> = {}): Reason {
  return { reason, detail, blockedBy: null, ahead: null, estimatedStartAt: null, since: null, ...more };
}
