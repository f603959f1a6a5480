import { Pool } from "undici";

/** A lean HTTP client: it shares the machine with what it measures. */
export class Client {
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string>) {
    this.#pool = new Pool(url, { connections: 64, pipelining: 1 });
    this.#headers = { "content-type": "application/json", ...headers };
  }

  /** Sends a request and returns the body's text. Throws on a status of 300 or more. */
  async send(path: string, body?: string, headers?: Record<string, string>): Promise<string> {
    return (await this.#call(path, body, headers)).text;
  }

  /** The same of a GET, with the headers of the answer that are there once. */
  async ask(path: string, headers: Record<string, string>): Promise<{ text: string; headers: Record<string, string> }> {
    const { text, headers: all } = await this.#call(path, undefined, headers);
    const once = Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return { text, headers: Object.fromEntries(once) };
  }

  async #call(path: string, body?: string, headers?: Record<string, string>) {
    const {
      statusCode,
      headers: answered,
      body: answer,
    } = await this.#pool.request({
      path,
      method: body === undefined ? "GET" : "POST",
      headers: headers ? { ...this.#headers, ...headers } : this.#headers,
      body: body ?? null,
    });
    const text = await answer.text();
    if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${text.slice(0, 300)}`);
    return { text, headers: answered };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** Keeps `concurrency` calls in flight for `ms`. Returns calls finished and the milliseconds it really took. */
export async function closedLoop(
  concurrency: number,
  ms: number,
  call: () => Promise<unknown>,
): Promise<{ calls: number; ms: number }> {
  const start = performance.now();
  let calls = 0;
  const loop = async () => {
    while (performance.now() - start < ms) {
      await call();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return { calls, ms: performance.now() - start };
}

/** Makes exactly `calls` calls, `concurrency` at a time. */
export async function fixedWork(concurrency: number, calls: number, call: () => Promise<unknown>): Promise<void> {
  let left = calls;
  const loop = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
}

/**
 * Starts `perSecond` calls a second for `ms`, whether earlier ones have answered or not, so that a slow answer is
 * measured and not waited for. Returns each call's latency in milliseconds from its planned start.
 */
export async function openLoop(perSecond: number, ms: number, call: () => Promise<unknown>): Promise<number[]> {
  const start = performance.now();
  const total = Math.floor((ms * perSecond) / 1000);
  const answers: Promise<number>[] = [];
  for (let i = 0; i < total; i++) {
    const planned = start + (i * 1000) / perSecond;
    const wait = planned - performance.now();
    if (wait > 0) await new Promise((wake) => setTimeout(wake, wait));
    const sent = performance.now();
    answers.push(call().then(() => performance.now() - Math.min(sent, Math.max(planned, sent - 1000))));
  }
  return Promise.all(answers);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
