import type { Rate } from "../../domain/rate.ts";

/** Every start under one rate. In any window of a period, both its ends included, at most `limit` of them. */
export class Starts {
  #at: number[] = [];

  /** How many more may start now. A start that seems to lie ahead, because the clock stepped back, counts too. */
  room({ limit, periodMs }: Rate, now: number): number {
    return Math.max(0, limit - this.#at.filter((at) => at >= now - periodMs).length);
  }

  /** When the next may start: `now`, or a millisecond after the window has left enough starts behind. */
  opensAt(rate: Rate, now: number): number {
    const times = [now, ...this.#at.map((at) => Math.min(at, now) + rate.periodMs + 1)].filter((at) => at >= now);
    return Math.min(...times.filter((at) => this.#clamped(now).room(rate, at) > 0));
  }

  /** When one may start that lets `ahead` others go first, each as soon as it may. */
  opensAfter(rate: Rate, { ahead, now }: { ahead: number; now: number }): number {
    const imagined = this.#clamped(now);
    for (let i = 0; i < ahead; i++) imagined.#at.push(imagined.opensAt(rate, Math.max(now, ...imagined.#at)));
    return imagined.opensAt(rate, Math.max(now, ...imagined.#at));
  }

  #clamped(now: number): Starts {
    const clamped = new Starts();
    clamped.#at = [...this.#at];
    clamped.follow(now);
    return clamped;
  }

  note(now: number): void {
    this.#at.push(now);
  }

  /** The clock has stepped back: starts ahead of it are taken to have been just now. */
  follow(now: number): void {
    this.#at = this.#at.map((at) => Math.min(at, now));
  }

  last(): number {
    return Math.max(...this.#at);
  }

  /** Whether a start leaves the window between `from` and `to`. */
  leaving(periodMs: number, from: number, to: number): boolean {
    return this.#at.some((at) => at + periodMs + 1 >= from && at + periodMs + 1 <= to);
  }
}
