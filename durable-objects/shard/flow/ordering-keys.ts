import { isFinal } from "../../../domain/job/state.ts";
import { headOfKey } from "../../../domain/ordering.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { JobChange } from "../jobs/job-change.ts";
import { BLOCKS, type JobHead } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { block, unblock } from "../jobs/transition.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { EACH_PARKED_KEY, type Line, PARKED } from "./parked-store.ts";

/**
 * The line of an ordering key. One of its unfinished jobs is open, the others carry `BLOCKS.line`. While the key is
 * parked the open one carries `BLOCKS.parked`, unless it runs: an attempt that has begun goes on.
 */

/** Keys that are let go in one step because their queue no longer blocks any. */
const RELEASED_PER_STEP = 100;

/** The line that a job stands in; null without an ordering key. */
export function lineOf({
  slot,
  queue,
  ordering_key: key,
}: Pick<JobHead, "slot" | "queue" | "ordering_key">): Line | null {
  return key === null ? null : { slot, queue, key };
}

/** A job with an ordering key has ended or waits for its next attempt: the next of its line may be open. */
export function followLine(step: Step, change: JobChange): void {
  if (change.event === "succeed") {
    for (const job of change.jobs) {
      const line = lineOf(job);
      if (line !== null) promoteNext(step, line, null);
    }
    return;
  }
  const line = "to" in change ? lineOf(change.to) : null;
  if (!("to" in change) || line === null) return;
  const { from, to } = change;
  if (to.state === "failed") parkAfterFailure(step, line, to);
  if (!isFinal(to.state)) promoteNext(step, line, to);
  // One that stood behind others leaves the line without changing anybody's place.
  else if ((from.blocked & BLOCKS.line) === 0) promoteNext(step, line, null);
}

/**
 * Opens the job of a key that is to be open. `open` is the one that was open until now, null when it has just become
 * final; a blocked job that leaves the line changes nothing for the others and needs no call.
 */
export function promoteNext(step: Step, line: Line, open: JobHead | null): void {
  const first = step.get(JOBS).firstOfKey(line.queue, line.key);
  const head = headOfKey(first, open);
  if (first === null || head === null || head.state === "running") return;
  // A job in front of it may yet be accepted: the decision promotes whoever is first then.
  if (step.get(RESERVATIONS).isInLine(line.queue, line.key, first.seq)) return;
  const parked = parkedBit(step, line);
  const blocked = (first.blocked & ~(BLOCKS.line | BLOCKS.parked)) | parked;
  if (blocked !== first.blocked && parked !== 0) block(step, first, blocked);
  else if (blocked !== first.blocked) unblock(step, first, BLOCKS.line | BLOCKS.parked);
  if (open !== null && open.id !== first.id) block(step, open, (open.blocked | BLOCKS.line) & ~BLOCKS.parked);
}

/** What a job carries that becomes the open one of its key. */
export function parkedBit(parts: Parts, line: Line): number {
  return parts.get(PARKED).has(line) ? BLOCKS.parked : 0;
}

/** Whether a job of this line that comes now stands behind others: those that are there, and those that may yet be accepted. */
export function standsBehind(parts: Parts, { queue, key }: Line): boolean {
  // Behind a job that may yet be accepted, too: it came first.
  return parts.get(JOBS).firstOfKey(queue, key) !== null || parts.get(RESERVATIONS).isInLine(queue, key);
}

/** A job has failed for good. Where its queue says so, its ordering key is parked until somebody decides. */
function parkAfterFailure(step: Step, line: Line, row: JobHead): void {
  if (!blocks(step.get(QUEUES).get(row.queue).settings)) return;
  const parked = step.get(PARKED);
  const known = parked.find(line);
  // The first failure holds the key: what fails behind it, by its `expiresAt`, is decided after it.
  if (known !== null && known.job !== null) return;
  parked.save(step, { ...(known ?? { ...line, state: "blocked", since: step.now }), job: row.id });
  park(step, line);
}

/** Somebody has decided about a failed job: it comes back or goes. A key that waited for that goes on. */
export function releaseDecided(step: Step, row: JobHead): void {
  const line = lineOf(row);
  if (line !== null && step.get(PARKED).find(line)?.job === row.id) releaseAfterDecision(step, line);
}

/** The failure that holds a key holds it no longer. */
export function releaseAfterDecision(step: Step, line: Line): void {
  const parked = step.get(PARKED).find(line);
  if (parked === null) return;
  if (parked.state === "paused") step.get(PARKED).save(step, { ...parked, job: null });
  else release(step, line);
}

/** Starts no more jobs of a key; one that runs goes on. */
export function pause(step: Step, line: Line): void {
  const parked = step.get(PARKED);
  const known = parked.find(line);
  if (known?.state === "paused") return;
  parked.save(step, { ...line, state: "paused", job: known?.job ?? null, since: step.now });
  if (known === null) park(step, line);
}

/** The opposite of `pause`. A failure that holds the key as well goes on doing so. */
export function resume(step: Step, line: Line): void {
  const parked = step.get(PARKED);
  const known = parked.find(line);
  if (known?.state !== "paused") return;
  if (known.job !== null && blocks(step.get(QUEUES).get(line.queue).settings)) {
    parked.save(step, { ...known, state: "blocked" });
  } else release(step, line);
}

/**
 * Lets go of keys that failures block in queues that no longer block any, and of every key of a deleted queue, a bounded
 * number. True when more are left.
 */
export function releaseParked(step: Step): boolean {
  const parked = step.get(PARKED);
  for (const queue of blocksNoMore(step)) {
    const { deleted } = step.get(QUEUES).get(queue).settings;
    const states = deleted ? (["blocked", "paused"] as const) : (["blocked"] as const);
    const passedOver = step.get(QUARANTINE).count(EACH_PARKED_KEY.kind, step.now);
    const first = { after: null, limit: RELEASED_PER_STEP + passedOver };
    const rows = states.flatMap((state) => parked.page(queue, state, first));
    if (walk(step, EACH_PARKED_KEY, { rows, each: (line) => release(step, line) }) > 0) return true;
    if (rows.length === 0) step.onCommit(() => parked.suspects.delete(queue));
  }
  return false;
}

/** Queues with keys that `releaseParked` has to let go. */
export function blocksNoMore(parts: Parts): number[] {
  const queues = parts.get(QUEUES);
  return [...parts.get(PARKED).suspects].filter((ref) => !blocks(queues.get(ref).settings));
}

/** When `releaseParked` has something to do. It lets all go that it can at once, and comes back for those that are set aside. */
export function nextReleaseAt(parts: Parts, now: number): number | null {
  if (blocksNoMore(parts).length === 0) return null;
  const retryAt = parts.get(QUARANTINE).retryAt(EACH_PARKED_KEY.kind, now);
  return Number.isFinite(retryAt) ? retryAt : now;
}

/** Whether a failure in a queue with these settings holds its ordering key. */
export function blocks({ onFailure, deleted }: Pick<QueueSettings, "onFailure" | "deleted">): boolean {
  return onFailure === "block" && !deleted;
}

function release(step: Step, line: Line): void {
  step.get(PARKED).remove(step, line);
  const open = step.get(JOBS).openOfKey(line.queue, line.key);
  if (open !== null && open.blocked & BLOCKS.parked) unblock(step, open, BLOCKS.parked);
}

function park(step: Step, line: Line): void {
  const open = step.get(JOBS).openOfKey(line.queue, line.key);
  if (open !== null && open.state !== "running") block(step, open, open.blocked | BLOCKS.parked);
}
