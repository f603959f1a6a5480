import type { Api } from "../../scripts/api.ts";

const BATCH = 10;
const PAUSE_MS = 60;

/**
 * A client that never trusts a silence: a batch without an answer is sent again with the same keys. Keeps its own
 * list of what was acknowledged.
 */
export class Submitter {
  readonly queue: string;
  /** Idempotency key to the id that was acknowledged for it. */
  readonly accepted = new Map<string, string>();
  readonly #api: Api;
  readonly #canary: string;
  #running = true;

  /** `canary` is a part of every payload. */
  constructor(api: Api, queue: string, canary: string) {
    this.#api = api;
    this.queue = queue;
    this.#canary = canary;
  }

  stop(): void {
    this.#running = false;
  }

  async run(): Promise<void> {
    for (let n = 0; this.#running; n += BATCH) {
      const keys = Array.from({ length: BATCH }, (_, i) => `${this.queue}-${n + i}`);
      const jobs = keys.map((idempotencyKey) => ({
        queue: this.queue,
        idempotencyKey,
        payload: { text: idempotencyKey, canary: this.#canary },
      }));
      const { status, body } = await this.#api.retry("POST", "/v1/batches", { body: { jobs } });
      if (status !== 200 && status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
      for (const [i, item] of (body as { items: { id: string }[] }).items.entries())
        this.accepted.set(keys[i] ?? "", item.id);
      await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    }
  }
}
