import type { Random } from "../../test/simulation/random.ts";
import type { Events } from "./events.ts";

/** How an instance is at a time. */
export interface Condition {
  /** `refuses`: no connection. `hangs`: takes the request and says nothing. `errors`: a quick 500. */
  state: "well" | "refuses" | "hangs" | "errors";
  /** Its answers take so many times as long. */
  slowness: number;
}

export const WELL: Condition = { state: "well", slowness: 1 };

/** Requests that an instance works on at once, and those that wait behind them. One more is refused with 503. */
const SERVERS = 4;
const MOST_WAITING = 60;
/** The median of what an answer takes. A tenth takes more than twice as long. */
const WORK_MS = 18;
const SPREAD = 0.55;
/** What a refused connection, or a quick error, takes. */
const REFUSED_MS = 1;

/**
 * An instance as a queue with a few servers: the busier it is, the longer its answers take. What each answer takes is drawn from a
 * log-normal distribution.
 */
export class Instance {
  readonly url: string;
  /** Requests that came to it. */
  received = 0;
  #busy = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #events: Events;
  readonly #random: Random;
  readonly #condition: (now: number) => Condition;

  constructor(
    url: string,
    condition: (now: number) => Condition,
    { events, random }: { events: Events; random: Random },
  ) {
    this.url = url;
    this.#condition = condition;
    this.#events = events;
    this.#random = random;
  }

  /** Whether a check of its health passes now. */
  isWell(): boolean {
    return this.#condition(this.#events.now).state === "well";
  }

  /** Takes a request; `done` is told once, and never where the instance hangs. */
  receive(done: (ok: boolean) => void): void {
    this.received++;
    const { state } = this.#condition(this.#events.now);
    if (state === "hangs") return;
    const isFull = this.#busy >= SERVERS && this.#waiting.length >= MOST_WAITING;
    if (state !== "well" || isFull) this.#events.after(REFUSED_MS, () => done(false));
    else if (this.#busy >= SERVERS) this.#waiting.push(() => this.#work(done));
    else this.#work(done);
  }

  #work(done: (ok: boolean) => void): void {
    this.#busy++;
    const { state, slowness } = this.#condition(this.#events.now);
    const ms = state === "well" ? WORK_MS * slowness * Math.exp(SPREAD * this.#normal()) : REFUSED_MS;
    this.#events.after(ms, () => {
      this.#busy--;
      this.#waiting.shift()?.();
      done(state === "well");
    });
  }

  /** Normally distributed (Box and Muller, 1958). */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random.next())) * Math.cos(2 * Math.PI * this.#random.next());
  }
}
