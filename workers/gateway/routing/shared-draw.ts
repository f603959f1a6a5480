/** For so long single jobs of an isolate go to one partition, in ms: those that come together share a commit and a pack. */
const SHARED_FOR_MS = 25;

/** One draw after the other, each for all requests of a moment. One an isolate. */
export class SharedDraw {
  readonly #random: () => number;
  #drawn = 0;
  #at = Number.NEGATIVE_INFINITY;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** `now` is epoch ms. A clock that steps back ends the moment. */
  at(now: number): number {
    if (now < this.#at || now >= this.#at + SHARED_FOR_MS) {
      this.#drawn = this.#random();
      this.#at = now;
    }
    return this.#drawn;
  }
}
