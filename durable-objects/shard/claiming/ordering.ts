import { headOfKey } from "../../../domain/ordering.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Line } from "../dead-letters/parked-store.ts";
import { BLOCKS, type JobHead } from "../rows.ts";
import type { Turn } from "../turn.ts";

/**
 * The line of an ordering key. One of its unfinished jobs is open, the others carry `BLOCKS.line`. While the key is
 * parked the open one carries `BLOCKS.parked`, unless it runs: an attempt that has begun goes on.
 */

/** Keys that are let go in one step because their queue no longer blocks any. */
const RELEASED_PER_STEP = 100;

/**
 * Opens the job of a key whose turn it is. `open` is the one that was open until now, null when it has just become
 * final; a blocked job that leaves the line changes nobody's turn and needs no call.
 */
export function settleLine(turn: Turn, line: Line, open: JobHead | null): void {
  const first = turn.stores.jobs.firstOfKey(line.queue, line.key);
  const head = headOfKey(first, open);
  if (first === null || head === null || head.state === "running") return;
  // A job in front of it may yet be accepted: the decision settles the line.
  if (turn.stores.transactions.standsInLine(line.queue, line.key, first.seq)) return;
  const parked = parkedBit(turn, line);
  const blocked = (first.blocked & ~(BLOCKS.line | BLOCKS.parked)) | parked;
  if (blocked !== first.blocked && parked !== 0) turn.stand(first, blocked);
  else if (blocked !== first.blocked) turn.lift(first, BLOCKS.line | BLOCKS.parked);
  if (open !== null && open.id !== first.id) turn.stand(open, (open.blocked | BLOCKS.line) & ~BLOCKS.parked);
}

/** What a job carries that becomes the open one of its key. */
export function parkedBit(turn: Turn, line: Line): number {
  return turn.stores.parked.has(line) ? BLOCKS.parked : 0;
}

/** A job has failed for good. Where its queue says so, its ordering key stands still until somebody decides. */
export function jobFailed(turn: Turn, row: JobHead): void {
  if (row.ordering_key === null || !blocks(turn.stores.queues.get(row.queue).settings)) return;
  const line = { queue: row.queue, key: row.ordering_key };
  const known = turn.stores.parked.find(line);
  // The first failure holds the key: what fails behind it, by its `expiresAt`, is decided after it.
  if (known !== null && known.job !== null) return;
  turn.stores.parked.save({ ...(known ?? { ...line, state: "blocked", since: turn.now }), job: row.id });
  shut(turn, line);
}

/** Somebody has decided about a failed job: it comes back or goes. A key that waited for that goes on. */
export function jobDecided(turn: Turn, row: JobHead): void {
  if (row.ordering_key === null) return;
  const line = { queue: row.queue, key: row.ordering_key };
  if (turn.stores.parked.find(line)?.job === row.id) unblock(turn, line);
}

/** The failure that holds a key holds it no longer. */
export function unblock(turn: Turn, line: Line): void {
  const parked = turn.stores.parked.find(line);
  if (parked === null) return;
  if (parked.state === "paused") turn.stores.parked.save({ ...parked, job: null });
  else release(turn, line);
}

/** Starts no more jobs of a key; one that runs goes on. */
export function pause(turn: Turn, line: Line): void {
  const { parked } = turn.stores;
  const known = parked.find(line);
  if (known?.state === "paused") return;
  parked.save({ ...line, state: "paused", job: known?.job ?? null, since: turn.now });
  if (known === null) shut(turn, line);
}

/** The opposite of `pause`. A failure that holds the key as well goes on doing so. */
export function resume(turn: Turn, line: Line): void {
  const { parked, queues } = turn.stores;
  const known = parked.find(line);
  if (known?.state !== "paused") return;
  if (known.job !== null && blocks(queues.get(line.queue).settings)) {
    parked.save({ ...known, state: "blocked" });
  } else release(turn, line);
}

/**
 * Lets go of keys that failures block in queues that no longer block any, and of every key of a deleted queue, a bounded
 * number. True when more are left.
 */
export function releaseParked(turn: Turn): boolean {
  for (const queue of blocksNoMore(turn.stores)) {
    const { deleted } = turn.stores.queues.get(queue).settings;
    const states = deleted ? (["blocked", "paused"] as const) : (["blocked"] as const);
    const first = { after: null, limit: RELEASED_PER_STEP };
    const keys = states.flatMap((state) => turn.stores.parked.page(queue, state, first));
    for (const line of keys) release(turn, line);
    if (keys.length > 0) return true;
    turn.onCommit(() => turn.stores.parked.suspects.delete(queue));
  }
  return false;
}

/** Queues with keys that `releaseParked` has to let go. */
export function blocksNoMore({ parked, queues }: Pick<Turn["stores"], "parked" | "queues">): number[] {
  return [...parked.suspects].filter((ref) => !blocks(queues.get(ref).settings));
}

/** Whether a failure in a queue with these settings holds its ordering key. */
export function blocks({ onFailure, deleted }: Pick<QueueSettings, "onFailure" | "deleted">): boolean {
  return onFailure === "block" && !deleted;
}

function release(turn: Turn, line: Line): void {
  turn.stores.parked.remove(line);
  const open = turn.stores.jobs.openOfKey(line.queue, line.key);
  if (open !== null && open.blocked & BLOCKS.parked) turn.lift(open, BLOCKS.parked);
}

function shut(turn: Turn, line: Line): void {
  const open = turn.stores.jobs.openOfKey(line.queue, line.key);
  if (open !== null && open.state !== "running") turn.stand(open, open.blocked | BLOCKS.parked);
}
