/** Time, as the client sees it. Tests give their own. */
export interface Clock {
  /** Epoch milliseconds; only differences are used. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A signal that is aborted after `ms`. */
  deadline(ms: number): AbortSignal;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener("abort", end);
    }),
  deadline: (ms) => AbortSignal.timeout(ms),
};

/** Full jitter: uniform from 0 to a ceiling that doubles with each failure. `failures` counts from 1. */
export function backoffMs(failures: number, random: number): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling * random);
}

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 20_000;
