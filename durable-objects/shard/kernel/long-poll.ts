/**
 * Requests that wait until something happens. In memory: a waiter lost with its object is a request that
 * is asked again. Whoever is woken looks at the rows anew.
 */
export class LongPolls {
  #waiting = new Map<string, Set<() => void>>();
  #worthwhile = new Map<string, () => boolean>();

  /**
   * Resolves when `key` is woken or after `ms`, whichever is first. `worthwhile` is asked once for all who wait for the key
   * before any of them is woken; left out, a wake is always worth it.
   */
  wait(key: string, ms: number, worthwhile: () => boolean = () => true): Promise<void> {
    return new Promise((resolve) => {
      const set = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, set);
      this.#worthwhile.set(key, worthwhile);
      const done = () => {
        clearTimeout(timer);
        set.delete(done);
        if (set.size === 0 && this.#waiting.get(key) === set) {
          this.#waiting.delete(key);
          this.#worthwhile.delete(key);
        }
        resolve();
      };
      const timer = setTimeout(done, ms);
      set.add(done);
    });
  }

  /** Wakes those who wait for `key`: all, or the `most` that came last. */
  wake(key: string, most = Number.POSITIVE_INFINITY): void {
    const waiting = [...(this.#waiting.get(key) ?? [])];
    if (waiting.length === 0 || this.#worthwhile.get(key)?.() === false) return;
    for (const done of waiting.reverse().slice(0, most)) done();
  }

  keys(): IterableIterator<string> {
    return this.#waiting.keys();
  }
}
