import { type Clock, systemClock } from "./clock.ts";
import { answerError, DureError, networkError } from "./error.ts";
import { pauseMs } from "./pause.ts";
import { Session } from "./session.ts";

/** The part of `fetch` that the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ status: number; headers: { get(name: string): string | null }; text(): Promise<string> }>;

export interface ClientOptions {
  /** Where Dure is, such as `https://dure.example.workers.dev`. */
  url: string;
  /** A whole API key: `dure_…`. */
  key: string;
  /** Only the root key may name one. */
  namespace?: string;
  fetch?: Fetch;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** Further tries of a request that may be sent again. Default 4. */
  retries?: number;
  /** How long an answer may take, beside the wait that a call asks for. Default 30,000. */
  timeoutMs?: number;
}

export interface Call {
  method: "GET" | "PUT" | "POST" | "DELETE";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  /**
   * Doing it twice is doing it once. Others are sent again only when they were certainly not done (429).
   */
  repeatable: boolean;
  /** How long the server holds the answer on purpose. */
  waitSeconds?: number;
  signal?: AbortSignal | undefined;
}

export interface Reply<T> {
  status: number;
  data: T;
  header(name: string): string | null;
}

/** Sends requests: authentication, deadlines, retries with jittered backoff. Answers are trusted to be the contract's. */
export class Transport {
  readonly clock: Clock;
  readonly random: () => number;
  /** What was seen: every call goes on with it, so that `session` reads never fall behind any other call. */
  readonly session = new Session();
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #fetch: Fetch;
  readonly #retries: number;
  readonly #timeoutMs: number;

  constructor(options: ClientOptions) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.#base = options.url.replace(/\/+$/, "");
    this.#headers = {
      authorization: `Bearer ${options.key}`,
      ...(options.namespace === undefined ? {} : { "dure-namespace": options.namespace }),
    };
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#retries = options.retries ?? 4;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Sends, and sends again where that is safe. Throws `DureError`, or the reason of an aborted `signal`. */
  async call<T>(call: Call): Promise<Reply<T>> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.once<T>(call);
      } catch (error) {
        call.signal?.throwIfAborted();
        const isRetryable =
          error instanceof DureError && (error.status === 429 || (error.isUncertain && call.repeatable));
        if (!isRetryable || failures > this.#retries) throw error;
        await this.clock.sleep(pauseMs(error, failures, this.random()), call.signal);
        call.signal?.throwIfAborted();
      }
    }
  }

  /** One try; and another without bookmarks where the server does not take these any more. */
  async once<T>(call: Call): Promise<Reply<T>> {
    const { sent } = this.session;
    const deadline = this.clock.deadline(this.#timeoutMs + (call.waitSeconds ?? 0) * 1000);
    const init = {
      method: call.method,
      headers: {
        ...this.#headers,
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        ...(sent.length === 0 ? {} : { "dure-bookmark": sent.join(", ") }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: call.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]),
    };
    const url = this.#base + call.path + queryText(call.query);
    const { response, text } = await this.#exchange(url, init);
    this.session.answered(sent, response.headers.get("dure-bookmark"));
    if (response.status >= 300) {
      const error = answerError(response.status, text, response.headers.get("retry-after"));
      if (this.session.refused(sent, error)) return this.once(call);
      throw error;
    }
    return { status: response.status, data: parse<T>(text), header: (name) => response.headers.get(name) };
  }

  async #exchange(url: string, init: Parameters<Fetch>[1]) {
    try {
      const response = await this.#fetch(url, init);
      return { response, text: await response.text() };
    } catch (error) {
      throw networkError(error);
    }
  }
}

function queryText(query: Call["query"]): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}

function parse<T>(text: string): T {
  try {
    return (text === "" ? null : JSON.parse(text)) as T;
  } catch (error) {
    throw networkError(error); // A cut-off answer says as little as none.
  }
}
