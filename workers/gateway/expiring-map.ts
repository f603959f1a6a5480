/**
 * A bounded map whose entries live `ttlMs`. When full, the oldest entry makes room: isolate memory is shared with
 * every request, and keys come from callers.
 */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, { value: V; until: number }>();
  readonly #ttlMs: number;
  readonly #max: number;

  constructor(ttlMs: number, max: number) {
    this.#ttlMs = ttlMs;
    this.#max = max;
  }

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // An entry from the future means that the clock went back: it is not to be trusted either.
    if (entry.until > now && entry.until <= now + this.#ttlMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** `now` is the time at which the value was true, which may be before this call. */
  set(key: string, value: V, now: number): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(key, { value, until: now + this.#ttlMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  deleteWhere(matches: (value: V) => boolean): void {
    for (const [key, { value }] of this.#entries) {
      if (matches(value)) this.#entries.delete(key);
    }
  }
}
