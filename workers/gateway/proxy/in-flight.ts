/** Requests to instances that are under way in this isolate. */

/** After its time, a request of whose end nobody heard counts for so long: the runtime may end it with its client, without a word. */
const GRACE_MS = 5_000;

/** A request that counts until it says that it does so no more. */
export interface UnderWay {
  readonly url: string;
  /** May be said twice. */
  end(): void;
}

interface Entry extends UnderWay {
  readonly from: number;
  readonly until: number;
}

/** Counts them, in all and by instance. One that was to end by a time counts no longer than a moment after it. */
export class InFlight {
  readonly #entries = new Set<Entry>();
  readonly #counts = new Map<string, number>();
  /** No entry has to be looked at before then. */
  #nextUntil = Number.POSITIVE_INFINITY;

  /** One begins that takes `ms` at most. */
  begin(url: string, ms: number, now: number): UnderWay {
    const entry: Entry = {
      url,
      from: now,
      until: now + ms + GRACE_MS,
      end: () => {
        if (this.#entries.delete(entry)) this.#add(url, -1);
      },
    };
    this.#entries.add(entry);
    this.#add(url, 1);
    this.#nextUntil = Math.min(this.#nextUntil, entry.until);
    return entry;
  }

  total(now: number): number {
    this.#forget(now);
    return this.#entries.size;
  }

  /** By instance, those that have any. */
  counts(now: number): Record<string, number> {
    this.#forget(now);
    return Object.fromEntries(this.#counts);
  }

  at(url: string, now: number): number {
    this.#forget(now);
    return this.#counts.get(url) ?? 0;
  }

  /** A clock that stepped back must not keep an entry for longer than it was to take. */
  #forget(now: number): void {
    const oldest = this.#entries.values().next();
    const steppedBack = !oldest.done && oldest.value.from > now;
    if (this.#nextUntil > now && !steppedBack) return;
    this.#nextUntil = Number.POSITIVE_INFINITY;
    for (const entry of [...this.#entries]) {
      if (entry.until <= now || entry.from > now) entry.end();
      else this.#nextUntil = Math.min(this.#nextUntil, entry.until);
    }
  }

  #add(url: string, by: number): void {
    const count = (this.#counts.get(url) ?? 0) + by;
    if (count === 0) this.#counts.delete(url);
    else this.#counts.set(url, count);
  }
}
