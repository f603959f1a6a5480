import type { Result } from "../../contract/problems.ts";
import type { Freshness } from "./sessions/freshness.ts";

/** What a use case answers beside its view; each door says it in its own way. What does not apply is left out. */
export interface Remarks {
  /** An earlier job, batch or operation answers. */
  replayed?: boolean;
  /** Durably accepted, and to be committed by its shard later. */
  deferred?: boolean;
  /** How fresh the view is. */
  freshness?: Freshness;
  /** The entity tag of what is shown, quotes included. */
  etag?: string;
  /** Further headers over HTTP, by lower-case name. */
  headers?: Record<string, string>;
}

export interface Answered<View> extends Remarks {
  view: View;
  /** Of the answers that the call's definition lists. */
  status: 200 | 201 | 202 | 204 | 503;
  /**
   * The caller waits for more: the view when it is there. `left` is aborted when the caller has gone; null: nobody says so, and what it waits for goes with it. `view` is the answer
   * when this fails.
   */
  later?: (left: AbortSignal | null) => Promise<Result<View>>;
  /** The door says that the caller has gone, where it hears of that. */
  left?: () => void;
  /** The door says now and then that the caller is there still, until the answer; answered is after how many milliseconds at most again. */
  beat?: () => number;
}

export function done<View>(view: View, remarks: Remarks = {}): Answered<View> {
  return { ...remarks, view, status: 200 };
}

export function created<View>(view: View, remarks: Remarks = {}): Answered<View> {
  return { ...remarks, view, status: 201 };
}

export function accepted<View>(view: View, remarks: Remarks = {}): Answered<View> {
  return { ...remarks, view, status: 202 };
}

export const DELETED: Answered<null> = { view: null, status: 204 };
