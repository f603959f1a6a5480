import { isFinal, type JobState } from "./job/state.ts";
import { fromStates } from "./job/transition.ts";

/** The states of a job that waits, and can still be changed. */
const REPLACEABLE = fromStates("replace");

/** What a call asks for when an earlier job holds its deduplication key. */
export const DEDUP_CONFLICTS = ["return", "reject", "replace", "runAfter"] as const;
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
 * - `accept`: as a new job, which holds the key from now on;
 * - `acceptNext`: as a new job, which runs after the holder;
 * - `answer`: with the holder;
 * - `refuse`;
 * - `replace`: lay it over the holder.
 */
export type DedupVerdict = "accept" | "acceptNext" | "answer" | "refuse" | "replace";

/**
 * What becomes of a call. A job that waits can still be changed and has yet to see what the call is about, so for
 * `replace` and `runAfter` it holds its key however long it waits; the next of a running one holds it for every call,
 * because nobody may take its place in the line.
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

/** When a job runs that a call was laid over: as the call says, put off at most `maxDelayMs` beyond its acceptance. */
export function replacedRunAt(runAt: number, createdAt: number, maxDelayMs: number | null): number {
  return maxDelayMs === null ? runAt : Math.min(runAt, createdAt + maxDelayMs);
}

/** How long a job is kept whose key answers for ever: an alarm takes no time beyond the year 2262. */
export const FOREVER_MS = 100 * 366 * 86_400_000;

/**
 * Until when a final job may have to answer: until the window of its deduplication key is over, and for as long again
 * as the idempotency key of the last call that it answered.
 */
export function answersUntil(windowEndsAt: number, finishedAt: number, idempotencyWindowMs: number): number {
  return Math.max(windowEndsAt, finishedAt) + idempotencyWindowMs;
}
