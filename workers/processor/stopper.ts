import type { ProgressPatch } from "../../contract/rpc.ts";
import type { KeptPermit } from "./services/permit-ports.ts";
import type { Control } from "./work-ports.ts";

/** The last millisecond that a date can be. */
const NEVER = 8.64e15;

/** The other end of a `Control`. */
export class Stopper implements Control {
  readonly deadlineAt: number;
  readonly permit: KeptPermit | null;
  readonly #onSay: (patch: ProgressPatch) => void;
  #stopped = false;
  #controller: AbortController | null = null;

  /** `onSay` hears what the job says of itself. */
  constructor(
    onSay: (patch: ProgressPatch) => void = () => undefined,
    deadlineAt = NEVER,
    permit: KeptPermit | null = null,
  ) {
    this.#onSay = onSay;
    this.deadlineAt = deadlineAt;
    this.permit = permit;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#stopped) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  say(patch: ProgressPatch): void {
    this.#onSay(patch);
  }

  stop(): void {
    this.#stopped = true;
    this.#controller?.abort();
  }
}
