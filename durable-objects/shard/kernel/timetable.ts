interface Entry<Key> {
  key: Key;
  at: number;
}

/**
 * Keys with a time each, of which the soonest is known: what is due is found without a look at the others. A binary heap in which
 * entries that were replaced stay until they come to the front.
 */
export class Timetable<Key> {
  readonly #times = new Map<Key, number>();
  #heap: Entry<Key>[] = [];

  /** The key's time is `at` (epoch milliseconds) from now on; null: it has none. */
  set(key: Key, at: number | null): void {
    if (at === null) {
      this.#times.delete(key);
      return;
    }
    if (this.#times.get(key) === at) return;
    this.#times.set(key, at);
    // Replaced entries are cleared away when they are more than the others.
    if (this.#heap.length > 2 * this.#times.size + 64) this.#rebuild();
    else this.#push({ key, at });
  }

  /** The soonest time; null when no key has one. */
  next(): number | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#times.get(first.key) === first.at) return first.at;
      this.#pop();
    }
    return null;
  }

  /** Takes out the keys whose time has come by `now`. */
  takeDue(now: number): Key[] {
    const due: Key[] = [];
    for (let at = this.next(); at !== null && at <= now; at = this.next()) {
      const { key } = this.#heap[0] as Entry<Key>;
      this.#times.delete(key);
      this.#pop();
      due.push(key);
    }
    return due;
  }

  #rebuild(): void {
    this.#heap = [];
    for (const [key, at] of this.#times) this.#push({ key, at });
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as Entry<Key>).at <= entry.at) break;
      heap[i] = heap[parent] as Entry<Key>;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const least =
        right < heap.length && (heap[right] as Entry<Key>).at < (heap[left] as Entry<Key>).at ? right : left;
      if ((heap[least] as Entry<Key>).at >= last.at) break;
      heap[i] = heap[least] as Entry<Key>;
      i = least;
    }
    heap[i] = last;
  }
}
