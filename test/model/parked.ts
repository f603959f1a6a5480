/** Parked ordering keys: because a job failed, where its queue says so, or by hand. */
import type { KEY_ACTIONS } from "../../contract/rpc.ts";
import { isOver, type ModelJob, type ModelQueue } from "./job.ts";

/** By hand, by the failure of a job, or by both. */
export interface Parked {
  byHand: boolean;
  job: ModelJob | null;
}

export type KeyAction = Exclude<(typeof KEY_ACTIONS)[number], "discard">;

function blocks({ settings }: ModelQueue): boolean {
  return settings.onFailure === "block";
}

/** The first failure holds the key: what fails behind it is decided after it. */
export function jobFailed(job: ModelJob): void {
  const { queue, orderingKey } = job;
  if (orderingKey === null || !blocks(queue)) return;
  const known = queue.parked.get(orderingKey) ?? { byHand: false, job: null };
  queue.parked.set(orderingKey, { ...known, job: known.job ?? job });
}

/** Somebody has decided about the job: if its key waited for that, it goes on. */
export function jobDecided({ queue, orderingKey, ...job }: ModelJob): void {
  if (orderingKey !== null && queue.parked.get(orderingKey)?.job?.id === job.id) unblock(queue, orderingKey);
}

function unblock(queue: ModelQueue, key: string): void {
  const known = queue.parked.get(key);
  if (known?.byHand) queue.parked.set(key, { byHand: true, job: null });
  else queue.parked.delete(key);
}

/** A queue that no longer blocks its keys lets go of those that only a failure held. */
export function letGo(queue: ModelQueue): void {
  if (blocks(queue)) return;
  for (const [key, { byHand }] of queue.parked) if (!byHand) queue.parked.delete(key);
}

/** A person parks a key, lets it go, or decides about the failure that blocks it. False: nothing failed. */
export function changeKey(queue: ModelQueue, key: string, action: KeyAction): boolean {
  const known = queue.parked.get(key);
  if (action === "pause") queue.parked.set(key, { byHand: true, job: known?.job ?? null });
  else if (action === "resume") {
    if (!known?.byHand) return true;
    if (known.job !== null && blocks(queue)) queue.parked.set(key, { byHand: false, job: known.job });
    else queue.parked.delete(key);
  } else if (known === undefined || known.job === null) return false;
  else unblock(queue, key);
  return true;
}

/** The key as its list shows it. */
export function stateOf(jobs: ModelJob[], queue: ModelQueue, key: string) {
  const known = queue.parked.get(key);
  const line = jobs.filter((job) => job.queue === queue && job.orderingKey === key && !isOver(job));
  return {
    key,
    state: known === undefined ? "open" : known.byHand ? "paused" : "blocked",
    job: known?.job?.id ?? null,
    error: known?.job?.error ?? null,
    waiting: line.filter(({ state }) => state !== "running").length,
  };
}
