import type { PurgeReply, PurgeRequest } from "../../../contract/rpc.ts";
import { COUNTS } from "../jobs/counts.ts";
import type { JobHead } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { allows, transition } from "../jobs/transition.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** Jobs cancelled in one step of a purge. */
const CANCELLED_PER_STEP = 200;
/** Rows of the queue, in whatever state, that are looked at for scheduled ones. */
const LOOKED_AT_PER_STEP = 2_000;

/** Cancels a job that is not final. Null when it is. A worker that has it learns so at its next extend. */
export function cancel(step: Step, row: JobHead): JobHead | null {
  return allows(row, { type: "cancel" })
    ? transition(step, row, { type: "cancel", set: { finished_at: step.now } })
    : null;
}

/**
 * Cancels queued and scheduled jobs of a queue, a bounded number. The scheduled ones come last: only the index of all jobs
 * of the queue has them, and `after` says how far an earlier step has walked it.
 */
export function purgeQueue(step: Step, request: PurgeRequest): PurgeReply {
  const queue = step.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return { cancelled: 0, more: false, next: null };
  const limit = Math.min(request.limit, CANCELLED_PER_STEP);
  const { cancelled, next } = cancelWaiting(step, queue.ref, { after: request.after ?? null, limit });
  return { cancelled, more: cancelled > 0 || next !== null, next };
}

/** At most `limit` of the waiting jobs of the queue `ref`. `next` is how far its scheduled ones were looked for. */
export function cancelWaiting(
  step: Step,
  ref: number,
  { after, limit }: { after: string | null; limit: number },
): { cancelled: number; next: string | null } {
  const jobs = step.get(JOBS);
  const quarantine = step.get(QUARANTINE);
  // Those that are passed over take no place: were they all there is here, the scheduled ones would not be looked at.
  const ids = jobs
    .queuedIds({ queue: ref, now: step.now }, limit + quarantine.count(EACH_JOB.kind, step.now))
    .filter((id) => !quarantine.holds(EACH_JOB.kind, id, step.now))
    .slice(0, limit);
  let next = after;
  if (ids.length < limit) {
    const walked = scheduledIds(step, ref, { after: next, limit: limit - ids.length });
    ids.push(...walked.ids);
    next = walked.next;
  }
  let cancelled = 0;
  const each = ({ id }: { id: string }) => {
    const row = jobs.head(id);
    if (row !== null && cancel(step, row) !== null) cancelled += 1;
  };
  walk(step, EACH_JOB, { rows: ids.map((id) => ({ id })), each });
  return { cancelled, next };
}

function scheduledIds(
  step: Step,
  queue: number,
  { after, limit }: { after: string | null; limit: number },
): { ids: string[]; next: string | null } {
  if (step.get(COUNTS).of(queue).scheduled === 0) return { ids: [], next: null };
  const looked = step.get(JOBS).statesAfter(queue, after ?? "", LOOKED_AT_PER_STEP);
  const ids: string[] = [];
  for (const { id, state } of looked) {
    if (state === "scheduled") ids.push(id);
    if (ids.length === limit) return { ids, next: id };
  }
  return { ids, next: looked.length < LOOKED_AT_PER_STEP ? null : (looked.at(-1)?.id ?? null) };
}
