/** A number of places, and a line in which others wait for one, first come, first served. */
export class Line {
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Takes a place. False when none came free in `ms`. */
  take(ms: number): Promise<boolean> {
    if (this.#taken < this.#places) {
      this.#taken++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const turn = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        resolve(false);
      }, ms);
      this.#waiting.push(turn);
    });
  }

  /** Hands the place to the next one in the line. */
  free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
