/**
 * A moment ends when so many jobs have come within so many milliseconds: then there is enough for another partition too. Jobs that come
 * more slowly are not sent from shard to shard, because each would have to ring for an executor first.
 */
const MANY_JOBS = 64;
const WITHIN_MS = 500;
/** A moment lasts this long at least, however many jobs come, and at most, however few do; in ms. */
const AT_LEAST_MS = 25;
const AT_MOST_MS = 30_000;

/**
 * One draw after the other, each for all requests of a moment, so that single jobs that come through an isolate go to one partition
 * for a while: those that come together share a commit and a pack, and those that come one by one find the executor that ran the
 * last, and one object awake. One an isolate.
 */
export class SharedDraw {
  readonly #random: () => number;
  #drawn = 0;
  #at = Number.NEGATIVE_INFINITY;
  /** Since when jobs are counted, and how many came. */
  #countedAt = Number.NEGATIVE_INFINITY;
  #jobs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** For one job at `now` (epoch ms). A clock that steps back ends the moment. */
  at(now: number): number {
    const lasted = now - this.#at;
    const isOver = lasted < 0 || lasted >= AT_MOST_MS || (this.#jobs >= MANY_JOBS && lasted >= AT_LEAST_MS);
    if (isOver) {
      this.#drawn = this.#random();
      this.#at = now;
    }
    if (isOver || now - this.#countedAt >= WITHIN_MS) {
      this.#countedAt = now;
      this.#jobs = 0;
    }
    this.#jobs += 1;
    return this.#drawn;
  }

  /** The job with this draw was not taken: the next goes elsewhere, because its shard may be away. */
  leave(drawn: number): void {
    if (drawn === this.#drawn) this.#at = Number.NEGATIVE_INFINITY;
  }
}
