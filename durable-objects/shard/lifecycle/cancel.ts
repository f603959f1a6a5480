import type { PurgeReply, PurgeRequest } from "../../../contract/rpc.ts";
import type { JobHead } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { allows, transition } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** Rows looked at in one step of a purge. */
const WALK_PER_STEP = 200;

/** Cancels a job that is not final. Null when it is. A worker that has it learns so at its next extend. */
export function cancel(step: Step, row: JobHead): JobHead | null {
  return allows(row, { type: "cancel" })
    ? transition(step, row, { type: "cancel", set: { finished_at: step.now } })
    : null;
}

/** Cancels queued and scheduled jobs of a queue, a bounded number. */
export function purgeQueue(step: Step, request: PurgeRequest): PurgeReply {
  const queue = step.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return { cancelled: 0, more: false };
  const jobs = step.get(JOBS);
  const limit = Math.min(request.limit, WALK_PER_STEP);
  let cancelled = 0;
  for (const id of jobs.waitingIds(queue.ref, limit)) {
    const row = jobs.head(id);
    if (row !== null && cancel(step, row) !== null) cancelled += 1;
  }
  return { cancelled, more: cancelled > 0 };
}
