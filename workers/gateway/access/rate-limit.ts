import { ExpiringMap } from "../expiring-map.ts";
import { countedAddress } from "./address.ts";
import { WINDOW_MS } from "./rate-verdict.ts";

/** Counts in fixed windows of ten seconds what this isolate does for somebody. */
export class WindowCounter {
  readonly #counts = new ExpiringMap<{ count: number }>(WINDOW_MS, 10_000);

  /** Counts one more for `key` at `now` (epoch ms); false beyond `limit` in the window. */
  take(key: string, limit: number, now: number): boolean {
    const window = this.#counts.get(key, now) ?? this.#begin(key, now);
    window.count++;
    return window.count <= limit;
  }

  #begin(key: string, now: number): { count: number } {
    const window = { count: 0 };
    this.#counts.set(key, window, Math.floor(now / WINDOW_MS) * WINDOW_MS);
    return window;
  }
}

/** Bad keys that an address may send in a minute: what BAD_KEY_LIMIT counts to, too. */
const MAX_BAD_KEYS = 100;
const BAD_KEYS_WINDOW_MS = 60_000;

/** Look-ups of keys that may turn out bad, of one address. */
export interface LookUpBudget {
  /** Takes one before anybody is asked; false when none is left. */
  take(): boolean;
  /** Gives it back: what it was taken for has an answer, which is counted by itself if it is no. */
  giveBack(): void;
}

/**
 * Counts bad keys by address. An isolate's own count comes first, so that a flood of garbage costs nobody a look-up; the
 * binding adds what other isolates of the location saw, which an isolate learns with each bad key.
 */
export class BadKeys {
  readonly #counts = new ExpiringMap<{ count: number }>(BAD_KEYS_WINDOW_MS, 10_000);
  readonly #shared: Pick<RateLimit, "limit">;

  constructor(shared: Pick<RateLimit, "limit">) {
    this.#shared = shared;
  }

  /** What `address` may still have looked up at `now`. */
  lookUps(address: string, now: number): LookUpBudget {
    // Most requests need none.
    let taken: { count: number } | null = null;
    return {
      take: () => {
        const window = this.#window(address, now);
        if (window.count >= MAX_BAD_KEYS) return false;
        window.count++;
        taken = window;
        return true;
      },
      giveBack: () => {
        if (taken !== null) taken.count--;
      },
    };
  }

  /** Counts a bad key; false when there were too many. */
  async count(address: string, now: number): Promise<boolean> {
    const window = this.#window(address, now);
    if (window.count >= MAX_BAD_KEYS) return false;
    window.count++;
    const { success } = await this.#shared.limit({ key: countedAddress(address) });
    if (!success) window.count = MAX_BAD_KEYS;
    return success;
  }

  #window(address: string, now: number): { count: number } {
    const key = countedAddress(address);
    const start = Math.floor(now / BAD_KEYS_WINDOW_MS) * BAD_KEYS_WINDOW_MS;
    const known = this.#counts.get(key, now);
    if (known !== undefined) return known;
    const window = { count: 0 };
    this.#counts.set(key, window, start);
    return window;
  }
}
