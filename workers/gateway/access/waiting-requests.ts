import { access, type Result } from "../../../contract/problems.ts";
import type { WaitingLimits } from "../config.ts";
import { CountUntil } from "../count-until.ts";
import { BEATS, paceOf } from "../pace.ts";
import type { Caller } from "./auth.ts";

/** Who is refused may try again after so many seconds: waits end, and others of the same caller begin. */
const RETRY_AFTER_SECONDS = 5;
/** A wait that has not ended so long after its time was cut off with its client, and nobody said so. */
const GRACE_MS = 10_000;
/** A wait of which one hears now and then is gone when nobody has spoken of it for so many times as long. */
const SILENT_BEATS = 5;
/** No wait is longer, its grace included: one that seems so was begun before the clock stepped back. */
const LONGEST_MS = 60_000 + GRACE_MS;

/** A request that counts as waiting until it says that it does so no more. */
export interface Waits {
  /** May be said twice. */
  end(): void;
  /**
   * Its client is there still, at `now`. Answers after how many milliseconds that is to be said again; it counts no longer than some
   * times as long without.
   */
  beat(now: number): number;
}

interface Entry extends Waits {
  until: number;
}

/**
 * Counts the requests that wait in this isolate, by key and by namespace: each holds memory and a connection for as long
 * as a minute. The runtime may end a request with its client without a word, so that a wait counts no longer than it was to
 * take, and one whose answer is under way no longer than it is heard of.
 */
export class WaitingRequests {
  readonly #entries = new Map<string, Set<Entry>>();
  readonly #limits: WaitingLimits;
  readonly #all = new CountUntil();

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  /** A request of the caller begins to wait for at most `ms`; a 429 problem when too many do. The root key has no limit of its own. */
  begin({ keyId, namespace, root }: Caller, { ms, now }: { ms: number; now: number }): Result<Waits> {
    const { perKey, perNamespace } = this.#limits;
    const key = `key ${keyId}`;
    const space = `namespace ${namespace}`;
    if (!root && this.#isFull(key, perKey, now)) return tooMany("A key", perKey);
    if (this.#isFull(space, perNamespace, now)) return tooMany("A namespace", perNamespace);
    const names = [key, space];
    const uncount = this.#all.add(now + ms + GRACE_MS);
    const entry: Entry = {
      until: now + ms + GRACE_MS,
      end: () => {
        uncount();
        for (const name of names) this.#remove(name, entry);
      },
      beat: (at) => {
        const next = paceOf(this.#all.at(at), BEATS);
        entry.until = Math.min(now + ms + GRACE_MS, at + SILENT_BEATS * next);
        return next;
      },
    };
    for (const name of names) this.#entries.set(name, (this.#entries.get(name) ?? new Set()).add(entry));
    return entry;
  }

  #isFull(name: string, limit: number, now: number): boolean {
    const entries = this.#entries.get(name);
    if (limit === 0 || entries === undefined || entries.size < limit) return false;
    for (const entry of [...entries]) if (entry.until <= now || entry.until > now + LONGEST_MS) entry.end();
    return entries.size >= limit;
  }

  #remove(name: string, entry: Entry): void {
    const entries = this.#entries.get(name);
    if (entries === undefined) return;
    entries.delete(entry);
    if (entries.size === 0) this.#entries.delete(name);
  }
}

function tooMany(who: string, limit: number): Result<never> {
  return access.tooManyWaiting(`${who} may have ${limit} requests that wait at a time.`, RETRY_AFTER_SECONDS);
}
