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

/** A client that waits for the rest of its answer. Thousands do: this is lighter than an `AbortSignal`, of which the runtime holds its part. */
export class WaitingClient {
  #left = false;
  readonly #told: (() => void)[] = [];
  readonly #write: () => Promise<void>;

  /** `write` sends it something that it does not mind, and rejects where that cannot be. */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  get left(): boolean {
    return this.#left;
  }

  /** Calls `tell` when the client has gone: at once where it has already. */
  onLeave(tell: () => void): void {
    if (this.#left) tell();
    else this.#told.push(tell);
  }

  /**
   * Whether it is there still. A connection whose other end has gone takes what is written first, and refuses what comes after: by then the
   * other end has answered.
   */
  async isThere(): Promise<boolean> {
    try {
      for (let writes = 0; writes < 2 && !this.#left; writes++) await this.#write();
    } catch {
      this.leave();
    }
    return !this.#left;
  }

  /** It has gone. May be said twice. */
  leave(): void {
    this.#left = true;
    for (const tell of this.#told.splice(0)) tell();
  }
}

export interface Answered<View> extends Remarks {
  view: View;
  /** Of the answers that the call's definition lists. */
  status: 200 | 201 | 202 | 204 | 503;
  /**
   * The caller waits for more: the view when it is there. `client` is told when it has gone; null: nobody says so, and what it waits for
   * goes with it. `view` is the answer when this fails.
   */
  later?: (client: WaitingClient | null) => Promise<Result<View>>;
  /** The door says that the answer is made, or that the caller has gone, where it hears of that; it may say so twice. */
  over?: () => void;
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
