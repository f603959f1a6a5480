import { access, type Result } from "../../../contract/problems.ts";

/** Heavy reads of one namespace that are under way at once in an isolate. */
export const MAX_UNDER_WAY = 4;
/**
 * For how long one counts, in ms: longer than a list may take. The platform drops the requests of clients that have gone,
 * and nothing behind their last `await` is run, so that a place that is given back alone would be lost.
 */
const COUNTED_MS = 30_000;
const RETRY_SECONDS = 1;

/** Counts the heavy reads that are under way in this isolate, by namespace: one tenant's lists leave room for the others' work. */
export class UnderWay {
  readonly #started = new Map<string, { at: number }[]>();

  /** Does `work`, or answers 429 where as many as may be are under way. `clock` is epoch ms. */
  async run<T>(namespace: string, clock: () => number, work: () => Promise<Result<T>>): Promise<Result<T>> {
    const now = clock();
    const current = (this.#started.get(namespace) ?? []).filter(({ at }) => now - at < COUNTED_MS);
    if (current.length >= MAX_UNDER_WAY) {
      const detail = `A namespace may have ${MAX_UNDER_WAY} lists, audits and the like under way at once.`;
      return access.rateLimited(detail, RETRY_SECONDS);
    }
    const own = { at: now };
    this.#started.set(namespace, [...current, own]);
    try {
      return await work();
    } finally {
      this.#release(namespace, own);
    }
  }

  #release(namespace: string, own: { at: number }): void {
    const left = (this.#started.get(namespace) ?? []).filter((started) => started !== own);
    if (left.length === 0) this.#started.delete(namespace);
    else this.#started.set(namespace, left);
  }
}
