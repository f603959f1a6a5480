/** Bodies that are kept so that they can be sent again take memory, of which an isolate has 128 MB for everything: a quarter of it. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Of that, what the requests of one namespace may take: the others of the isolate find room whatever it does. */
const MAX_BYTES_EACH = MAX_BYTES / 4;
/** After its time, what nobody has given back counts for so long: the runtime may end a request with its client, without a word. */
const GRACE_MS = 5_000;

/** A body that is to be kept. */
export interface BodyToKeep {
  namespace: string;
  bytes: number;
  /** How long it is kept at most, in milliseconds. */
  ms: number;
}

interface Entry {
  readonly namespace: string;
  readonly bytes: number;
  readonly from: number;
  readonly until: number;
}

/** Counts the bytes of bodies that are kept in this isolate, in all and by namespace. */
export class KeptBodies {
  readonly #entries = new Set<Entry>();
  readonly #each = new Map<string, number>();
  #bytes = 0;

  /** Takes room for a body. Answers the way to give it back, which may be gone twice; null where there is none. */
  take({ namespace, bytes, ms }: BodyToKeep, now: number): (() => void) | null {
    if (!this.#hasRoom(namespace, bytes)) this.#forget(now);
    if (!this.#hasRoom(namespace, bytes)) return null;
    const entry: Entry = { namespace, bytes, from: now, until: now + ms + GRACE_MS };
    this.#entries.add(entry);
    this.#count(entry, 1);
    return () => this.#remove(entry);
  }

  #hasRoom(namespace: string, bytes: number): boolean {
    const own = this.#each.get(namespace) ?? 0;
    return own + bytes <= MAX_BYTES_EACH && this.#bytes + bytes <= MAX_BYTES;
  }

  /** A clock that stepped back must not keep room for longer than it was to be taken. */
  #forget(now: number): void {
    for (const entry of [...this.#entries]) if (entry.until <= now || entry.from > now) this.#remove(entry);
  }

  #remove(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#count(entry, -1);
  }

  #count({ namespace, bytes }: Entry, sign: 1 | -1): void {
    this.#bytes += sign * bytes;
    const own = (this.#each.get(namespace) ?? 0) + sign * bytes;
    if (own === 0) this.#each.delete(namespace);
    else this.#each.set(namespace, own);
  }
}
