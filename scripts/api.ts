/** The few calls of the HTTP API that the demo and the end-to-end tests make. */

export interface JobView {
  id: string;
  state: string;
  idempotencyKey: string | null;
  result: unknown;
  createdAt: string;
  finishedAt: string | null;
  attempts: { outcome: string | null }[];
}

export interface Reply {
  status: number;
  body: unknown;
}

interface Repeated {
  body?: unknown;
  /** How long to go on, in milliseconds. */
  patienceMs?: number;
}

export class Api {
  readonly url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, key: string) {
    this.url = url;
    this.#headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  }

  /** One request. Throws when no answer came. */
  async call(method: string, path: string, body?: unknown): Promise<Reply> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(this.url + path, { method, headers: this.#headers, ...init });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  /**
   * The same request until it is answered with something other than 429 or 5xx, for `patienceMs` (a minute when left
   * out). Only for requests that may be repeated: reads, and submissions with idempotency keys.
   */
  async retry(method: string, path: string, { body, patienceMs = 60_000 }: Repeated = {}): Promise<Reply> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const reply = await this.call(method, path, body).catch((error: unknown) => ({ status: 0, body: String(error) }));
      const answered = reply.status !== 0 && reply.status !== 429 && reply.status < 500;
      if (answered || Date.now() > until) return reply;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }

  /** Every job of a queue, with results and attempts, page by page. */
  async jobs(queue: string): Promise<JobView[]> {
    const all: JobView[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ queue, limit: "200", include: "result,attempts" });
      if (cursor !== null) query.set("cursor", cursor);
      const reply: Reply = await this.retry("GET", `/v1/jobs?${query}`);
      if (reply.status !== 200) throw new Error(`listing ${queue}: ${reply.status} ${JSON.stringify(reply.body)}`);
      const page = reply.body as { items: JobView[]; nextCursor: string | null };
      all.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return all;
  }
}
