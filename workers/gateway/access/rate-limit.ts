import { ExpiringMap } from "../expiring-map.ts";

/** The window of the key budget, in milliseconds: what `RATE_LIMIT` and the KEY_LIMIT binding count over. */
export const WINDOW_MS = 10_000;

/** Up to this part of the budget the isolate's own count is enough: no other isolate's share changes the verdict much. */
const FREE_SHARE = 0.1;

export interface RateVerdict {
  allowed: boolean;
  /** Requests left in this isolate's window. */
  remaining: number;
  /** Seconds until the window ends, at least 1. */
  resetSeconds: number;
  /** Whether the shared counter of the binding is worth asking too. */
  askShared: boolean;
}

/** Counts requests a key in fixed windows. Isolate-local: the binding adds what other isolates of the location saw. */
export class RateCounter {
  readonly #counts = new ExpiringMap<{ count: number }>(WINDOW_MS, 10_000);

  /** Counts one request of `key` against `budget`. */
  take(key: string, budget: number, now: number): RateVerdict {
    const start = Math.floor(now / WINDOW_MS) * WINDOW_MS;
    const window = this.#counts.get(key, now) ?? this.#begin(key, start);
    window.count++;
    return {
      allowed: window.count <= budget,
      remaining: Math.max(0, budget - window.count),
      resetSeconds: Math.max(1, Math.ceil((start + WINDOW_MS - now) / 1000)),
      askShared: window.count > budget * FREE_SHARE,
    };
  }

  #begin(key: string, start: number): { count: number } {
    const window = { count: 0 };
    this.#counts.set(key, window, start);
    return window;
  }
}

/** The `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers-10. */
export function rateHeaders(budget: number, verdict: RateVerdict): [name: string, value: string][] {
  return [
    ["ratelimit-policy", `"default";q=${budget};w=${WINDOW_MS / 1000}`],
    ["ratelimit", `"default";r=${verdict.remaining};t=${verdict.resetSeconds}`],
  ];
}
