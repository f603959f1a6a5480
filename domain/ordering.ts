import type { JobState } from "./job/state.ts";

/**
 * An unfinished job of an ordering key. Jobs of one key run one at a time: exactly one of them is open, which means
 * that it may be claimed or is running, and the rest are blocked behind it.
 */
export interface KeyMember {
  id: string;
  state: JobState;
  /** Acceptance order. */
  seq: number;
}

/**
 * Which job of an ordering key is to be open, or null when the key has no unfinished one. `first` is its earliest
 * unfinished job and `open` the one open until now, null when that has just finished. A running job keeps its turn;
 * otherwise the earliest goes first, also when it was redriven and so came back in front of one that waits for its
 * retry.
 */
export function headOfKey(first: KeyMember | null, open: KeyMember | null): KeyMember | null {
  if (open !== null && open.state === "running") return open;
  return first;
}
