const SECOND_MS = 1_000;

/**
 * A count of what ends by itself at some time. The runtime may end a request without a word: then it is counted until its time is over,
 * and no longer.
 */
export class CountUntil {
  /** By the second, since the epoch, in which they end. */
  readonly #bySecond = new Map<number, number>();
  #total = 0;
  #looked = 0;

  /** One more, until then (epoch ms) at most. What is returned says once that it has ended. */
  add(until: number): () => void {
    const second = Math.ceil(until / SECOND_MS);
    this.#move(second, 1);
    let counted = true;
    return () => {
      if (counted && this.#bySecond.has(second)) this.#move(second, -1);
      counted = false;
    };
  }

  /** How many there are at `now` (epoch ms). */
  at(now: number): number {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#looked) {
      for (const [ends, count] of this.#bySecond) if (ends < second) this.#move(ends, -count);
      this.#looked = second;
    }
    return this.#total;
  }

  #move(second: number, by: number): void {
    const count = (this.#bySecond.get(second) ?? 0) + by;
    if (count === 0) this.#bySecond.delete(second);
    else this.#bySecond.set(second, count);
    this.#total += by;
  }
}
