/** Callers that may ask at once while nothing is remembered. */
const AT_ONCE = 2;
/** A caller that has asked for so long is taken to be gone: its request may have been given up, and then nothing tells of it. */
const GONE_MS = 10_000;
const LOOK_AGAIN_MS = 20;
/** Without any answer to hand out, a caller waits this long at most for the one that others ask for. */
const PATIENCE_MS = 2_000;

export interface RememberedPorts {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/**
 * An answer that many ask for, remembered for a moment, so that what it costs does not grow with how often it is asked for.
 * Only the finished answer is remembered: the work of one request cannot be awaited by another. While none is, two callers ask,
 * and the others get the last one.
 */
export class Remembered<T> {
  readonly #ageMs: number;
  readonly #ports: RememberedPorts;
  /** Whether an answer is worth remembering. */
  readonly #keeps: (answer: T) => boolean;
  #last: { answer: T; at: number } | null = null;
  /** When those who ask now began to. */
  #asking = new Set<{ since: number }>();

  constructor(ageMs: number, ports: RememberedPorts, keeps: (answer: T) => boolean = () => true) {
    this.#ageMs = ageMs;
    this.#ports = ports;
    this.#keeps = keeps;
  }

  async get(ask: () => Promise<T>): Promise<T> {
    for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
      const now = this.#ports.now();
      const last = this.#last;
      if (last !== null && Math.abs(now - last.at) < this.#ageMs) return last.answer;
      if (this.#mayAsk(now) || (last === null && waitedMs >= PATIENCE_MS)) return this.#ask(ask, now);
      if (last !== null) return last.answer;
      await this.#ports.sleep(LOOK_AGAIN_MS);
    }
  }

  #mayAsk(now: number): boolean {
    for (const caller of this.#asking) {
      if (Math.abs(now - caller.since) >= GONE_MS) this.#asking.delete(caller);
    }
    return this.#asking.size < AT_ONCE;
  }

  async #ask(ask: () => Promise<T>, since: number): Promise<T> {
    const caller = { since };
    this.#asking.add(caller);
    try {
      const answer = await ask();
      if (this.#keeps(answer)) this.#last = { answer, at: this.#ports.now() };
      return answer;
    } finally {
      this.#asking.delete(caller);
    }
  }
}
