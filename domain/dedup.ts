import { isFinal, type JobState } from "./job/state.ts";
import { fromStates } from "./job/transition.ts";

/** The states of a job that waits, and can still be changed. */
const REPLACEABLE = fromStates("replace");

/**
 * What a call may ask for when an earlier job holds its deduplication key: to be answered with that job, to be refused,
 * to be laid over it, or to run after it.
 */
export const DEDUP_CONFLICTS = ["return", "reject", "replace", "runAfter"] as const;
/** One of `DEDUP_CONFLICTS`. */
export type DedupConflict = (typeof DEDUP_CONFLICTS)[number];

/** The latest job of a deduplication key, as a new call with that key finds it. */
export interface KeyHolder {
  /** Null when it has been forgotten, and so is final. */
  state: JobState | null;
  /** Whether its window, which began with its acceptance, is not over. */
  inWindow: boolean;
  /** Whether it is to run after another job of the key, which has not ended. */
  isNext: boolean;
}

/**
 * What becomes of a call with a deduplication key.
 *
 * - `accept`: it is accepted as a new job, which holds the key from now on.
 * - `acceptNext`: it is accepted as a new job, which runs after the holder.
 * - `answer`: it is answered with the holder.
 * - `refuse`: it is refused.
 * - `replace`: it is laid over the holder, which waits on with the call's payload and run-at.
 */
export type DedupVerdict = "accept" | "acceptNext" | "answer" | "refuse" | "replace";

/**
 * What becomes of a call whose key `holder` holds. Out of its window a holder counts no more, but for two cases. A job
 * that waits can still be changed and has yet to see what the call is about, so for `replace` and `runAfter` it holds
 * its key however long it waits; and the next of a running job holds the key for every call, because nobody may take
 * its place in the line.
 */
export function onDuplicate(onConflict: DedupConflict, holder: KeyHolder): DedupVerdict {
  const waits = holder.state !== null && REPLACEABLE.includes(holder.state);
  const outlasts = waits && (holder.isNext || onConflict === "replace" || onConflict === "runAfter");
  if (!holder.inWindow && !outlasts) return "accept";
  switch (onConflict) {
    case "return":
      return "answer";
    case "reject":
      return "refuse";
    case "replace":
      return waits ? "replace" : "accept";
    case "runAfter":
      if (waits) return "answer";
      return holder.state === null || isFinal(holder.state) ? "accept" : "acceptNext";
  }
}

/**
 * When a job runs that a call has replaced, in epoch ms: at the call's `runAt`, which puts it off at most `maxDelayMs`
 * beyond its acceptance (`createdAt`). Null puts no bound on that.
 */
export function replacedRunAt(runAt: number, createdAt: number, maxDelayMs: number | null): number {
  return maxDelayMs === null ? runAt : Math.min(runAt, createdAt + maxDelayMs);
}

/**
 * How long in ms a job is kept whose key answers for ever: some hundred years. It is no more because a Durable Object's
 * alarm takes no time beyond the year 2262.
 */
export const FOREVER_MS = 100 * 366 * 86_400_000;

/**
 * Until when, in epoch ms, a final job may have to answer and so must be kept. It is until the window of its
 * deduplication key is over, or its end where that comes later, and from then on for as long as the idempotency key of
 * the last call that it answered.
 */
export function answersUntil(windowEndsAt: number, finishedAt: number, idempotencyWindowMs: number): number {
  return Math.max(windowEndsAt, finishedAt) + idempotencyWindowMs;
}
