/** Virtual time: a heap of events, run one after another in the order of (time, sequence). */
interface Entry {
  at: number;
  seq: number;
  run: () => void;
}

export class Clock {
  #now: number;
  #seq = 0;
  readonly #heap: Entry[] = [];
  /** Events run so far. */
  events = 0;

  constructor(start: number) {
    this.#now = start;
  }

  /** Epoch milliseconds of the simulation: what a perfect clock would show. */
  now(): number {
    return this.#now;
  }

  /** Runs `run` at `at`, or as soon as may be when that has passed. */
  at(at: number, run: () => void): void {
    this.#push({ at: Math.max(Math.ceil(at), this.#now), seq: this.#seq++, run });
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + delayMs, run);
  }

  /**
   * Runs events until the next would come after `until`, or `done` says so. Promises settled by one event run
   * to their next wait before the next event starts, so asynchronous code has one order, too.
   */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    await drain();
    for (let entry = this.#heap[0]; entry !== undefined && entry.at <= until; entry = this.#heap[0]) {
      this.#pop();
      this.#now = entry.at;
      this.events += 1;
      entry.run();
      await drain();
      if (done()) return;
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!before(entry, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as Entry)) child += 1;
      const below = heap[child];
      if (below === undefined || !before(below, last)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.seq < b.seq);
}

/** Microtasks all run before the next macrotask, however many there are. */
function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
