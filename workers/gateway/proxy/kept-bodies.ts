/** Bodies that are kept so that they can be sent again take memory, of which an isolate has 128 MB for everything: a quarter of it. */
const MAX_BYTES = 32 * 1024 * 1024;
/** After its time, what nobody has given back counts for so long: the runtime may end a request with its client, without a word. */
const GRACE_MS = 5_000;

interface Entry {
  readonly bytes: number;
  readonly from: number;
  readonly until: number;
}

/** Counts the bytes of bodies that are kept in this isolate. */
export class KeptBodies {
  readonly #entries = new Set<Entry>();
  #bytes = 0;

  /** Takes room for a body that is kept for `ms` at most. Answers the way to give it back, which may be gone twice; null where there is none. */
  take(bytes: number, ms: number, now: number): (() => void) | null {
    if (this.#bytes + bytes > MAX_BYTES) this.#forget(now);
    if (this.#bytes + bytes > MAX_BYTES) return null;
    const entry: Entry = { bytes, from: now, until: now + ms + GRACE_MS };
    this.#entries.add(entry);
    this.#bytes += bytes;
    return () => this.#remove(entry);
  }

  /** A clock that stepped back must not keep room for longer than it was to be taken. */
  #forget(now: number): void {
    for (const entry of [...this.#entries]) if (entry.until <= now || entry.from > now) this.#remove(entry);
  }

  #remove(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#bytes -= entry.bytes;
  }
}
