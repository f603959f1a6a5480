import { type Rate, type RateLog, rateOpensAt, rateRoom, withStarts } from "../../domain/rate.ts";
import type { ServiceStore } from "./store.ts";

/**
 * Starts under the rate of a service. Those that a holder was given and has not told of count as made just now; told of, they count from
 * then on, which is later than they can have been: so no window has more than its limit, and a holder that asks often loses little.
 */
export class Starts {
  readonly #store: ServiceStore;
  #log: RateLog;
  #rate: Rate | null = null;

  constructor(store: ServiceStore, log: RateLog | undefined) {
    this.#store = store;
    this.#log = log ?? [];
  }

  follow(rate: Rate | null): void {
    this.#rate = rate;
    if (rate !== null || this.#log.length === 0) return;
    this.#log = [];
    this.#store.forget("starts");
  }

  /** So many starts have been made: one row. */
  made(starts: number, now: number): void {
    if (this.#rate === null || starts === 0) return;
    this.#log = withStarts(this.#log, this.#rate, { starts, now });
    this.#store.put("starts", this.#log);
  }

  /** How many more may be given while `out` of those given are not told of; no limit is Infinity. */
  room(out: number, now: number): number {
    return this.#rate === null ? Number.POSITIVE_INFINITY : Math.max(0, rateRoom(this.#log, this.#rate, now) - out);
  }

  /** Milliseconds until one may be given, where none may now. */
  nextMs(now: number): number {
    if (this.#rate === null) return 0;
    // Those that others have are told of in a moment, and may come back.
    return Math.max(MOMENT_MS, Math.min(rateOpensAt(this.#log, this.#rate, now) - now, this.#rate.periodMs + 1));
  }
}

const MOMENT_MS = 100;
