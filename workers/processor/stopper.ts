import type { Said } from "../../contract/rpc.ts";
import type { Control } from "./work-ports.ts";

/** The other end of a `Control`. */
export class Stopper implements Control {
  readonly #onSay: (said: Said) => void;
  #stopped = false;
  #controller: AbortController | null = null;

  /** `onSay` hears what the job says of itself. */
  constructor(onSay: (said: Said) => void = () => undefined) {
    this.#onSay = onSay;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  say(said: Said): void {
    this.#onSay(said);
  }

  stop(): void {
    this.#stopped = true;
    this.#controller?.abort();
  }
}
