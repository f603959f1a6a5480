/** A round of the cron that is older than this: shards whose alarm was lost do nothing. */
export const ROUND_OVERDUE_MS = 5 * 60_000;

const KEY = "cron-round";

/** When the cron last came to the end of a round. It is one value in KV, so that to ask costs the same on any deployment. */
export class CronRounds {
  readonly #cache: KVNamespace;

  constructor(cache: KVNamespace) {
    this.#cache = cache;
  }

  /** Epoch milliseconds; null before the first round. */
  async last(): Promise<number | null> {
    const at = Number((await this.#cache.get(KEY)) ?? Number.NaN);
    return Number.isFinite(at) ? at : null;
  }

  /** A round has ended at `at` (epoch milliseconds). */
  async note(at: number): Promise<void> {
    await this.#cache.put(KEY, String(at));
  }
}
