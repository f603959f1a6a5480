import type { QueueSettings } from "../../../domain/queue.ts";
import { COUNTS } from "../jobs/counts.ts";
import { JOBS } from "../jobs/job-store.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { cancelWaiting } from "../lifecycle/cancel.ts";
import { deleteKeys, forgetQueue } from "../namespace-deletion/delete-rows.ts";
import { OUTGOING_COUNTS } from "../outbox/outbox-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { UNDECIDED_COUNTS } from "../reservations/reservation-store.ts";
import { FORMER_QUEUES, hasUnfinished, isSuperseded } from "./former-store.ts";

/** A queue of which something is left, its failed jobs mostly, is looked at again after this long. */
const LOOK_AGAIN_MS = 3_600_000;
const CANCELLED_PER_STEP = 100;

/** A queue has new settings: it was deleted, or has the name of one that was. */
export function noteFormer(step: Step, queue: KnownQueue, before: QueueSettings | null): void {
  const former = step.get(FORMER_QUEUES);
  const { namespace, name, deleted, incarnation } = queue.settings;
  if (deleted && hasUnfinished(step, queue.ref)) {
    former.noteUnended(step, queue.ref, null);
    step.wakeAt(step.now);
  }
  if (before !== null || incarnation === undefined) return;
  for (const earlier of step.get(QUEUES).superseded(namespace, name)) {
    step.wakeAt(former.noteSuperseded(step, earlier));
  }
}

/** When a deleted queue has something to do: at once while jobs of it wait. Few queues are looked at: those that are about to go. */
export function nextFormerAt(parts: Parts, now: number): number | null {
  const former = parts.get(FORMER_QUEUES);
  let next: number | null = null;
  for (const [ref] of former.unended) if (isToBeEnded(parts, ref)) return now;
  for (const [, at] of former.lookAt) next = Math.min(next ?? at, at);
  return next;
}

/** What runs goes on to its end; if it comes back in line, it is ended there. */
function isToBeEnded(parts: Parts, ref: number): boolean {
  const { ready, blocked, scheduled, running } = parts.get(COUNTS).of(ref);
  return ready + blocked + scheduled > 0 || running === 0;
}

/** A bounded amount of what is due. True when more is. */
export function tickFormer(step: Step): boolean {
  return endWaiting(step) || forgetEmpty(step);
}

/**
 * A queue is deleted only where no shard has unfinished jobs of it. One may take some all the same, when the decision took
 * longer than the shards hold new jobs back: nobody would run them, so they are cancelled.
 */
function endWaiting(step: Step): boolean {
  const former = step.get(FORMER_QUEUES);
  for (const [ref, after] of former.unended) {
    const isOver = step.get(QUEUES).settingsOf(ref)?.deleted !== true || !hasUnfinished(step, ref);
    if (isOver) former.noteEnded(step, ref);
    if (isOver || !isToBeEnded(step, ref)) continue;
    const { next } = cancelWaiting(step, ref, { after, limit: CANCELLED_PER_STEP });
    former.noteUnended(step, ref, next);
    return true;
  }
  return false;
}

/** A queue whose name another has goes when no row names it any more, and what is remembered of its keys goes with it. */
function forgetEmpty(step: Step): boolean {
  const former = step.get(FORMER_QUEUES);
  for (const [ref, at] of former.lookAt) {
    if (at > step.now) continue;
    const queue = step.get(QUEUES).settingsOf(ref) === null ? null : step.get(QUEUES).get(ref);
    // It went with its namespace.
    if (queue === null || !isSuperseded(step, queue)) former.noteForgotten(step, ref);
    else if (isInUse(step, ref)) former.lookAgain(step, ref, step.now + LOOK_AGAIN_MS);
    else if (!deleteKeys(step, queue)) {
      forgetQueue(step, queue);
      former.noteForgotten(step, ref);
    }
    return true;
  }
  return false;
}

function isInUse(step: Step, ref: number): boolean {
  const underWay = step.get(OUTGOING_COUNTS).of(ref) + step.get(UNDECIDED_COUNTS).of(ref);
  return underWay > 0 || step.get(JOBS).ofQueue(ref, 1).length > 0;
}
