import type { JobState } from "./job/state.ts";

/**
 * Jobs of one ordering key run one at a time: exactly one unfinished job of a key is open (may be claimed, or
 * is running), the rest are blocked behind it.
 */
export interface KeyMember {
  id: string;
  state: JobState;
  /** Acceptance order. */
  seq: number;
}

/**
 * Which job of a key is to be open. `first` is its earliest unfinished job, `open` the one open until now (null
 * when that one has just finished). A running job keeps its turn; otherwise the earliest goes first, also when
 * it was redriven and so came back in front of one that waits for its retry.
 */
export function headOfKey(first: KeyMember | null, open: KeyMember | null): KeyMember | null {
  if (open !== null && open.state === "running") return open;
  return first;
}
