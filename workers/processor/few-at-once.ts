/** Who takes longer than this keeps nobody else waiting. */
const LONG_MS = 5_000;

/** Lets so many things be under way at once; others wait in the order in which they came. What hangs gives its place to another after a while. */
export class FewAtOnce {
  #free: number;
  readonly #line: (() => void)[] = [];
  readonly #after: (ms: number, wake: () => void) => () => void;

  constructor(limit: number, after: (ms: number, wake: () => void) => () => void) {
    this.#free = limit;
    this.#after = after;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((begin) => this.#line.push(begin));
    let counts = true;
    const leave = () => {
      if (counts) this.#leave();
      counts = false;
    };
    const stop = this.#after(LONG_MS, leave);
    try {
      return await work();
    } finally {
      stop();
      leave();
    }
  }

  /** Whoever is next in the line has the place at once: nobody who comes meanwhile takes it. */
  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
