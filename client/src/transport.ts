import { type Call, type CallInput, pathOf } from "./call.ts";
import { type Clock, systemClock } from "./clock.ts";
import { environmentVariable } from "./environment.ts";
import { answerError, networkError } from "./error.ts";
import { readAnswer, writeJson } from "./json-text.ts";
import { isTransient, pauseMs } from "./pause.ts";
import { Session } from "./session.ts";

/** The part of `fetch` that the client uses. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<{ status: number; headers: { get(name: string): string | null }; text(): Promise<string> }>;

/** Where Dure is and who calls. Nothing has to be given where `DURE_URL` and `DURE_KEY` are set. */
export interface ClientOptions {
  /** Where Dure is, such as `https://dure.example.workers.dev`. Left out: the environment variable `DURE_URL`. */
  url?: string;
  /** A whole API key: `dure_…`. Left out: the environment variable `DURE_KEY`. */
  key?: string;
  /** The namespace to act in. Only the root key may name one. */
  namespace?: string;
  /** How requests are made. Left out: the runtime's own `fetch`. */
  fetch?: Fetch;
  /** Time, for tests. */
  clock?: Clock;
  /** Randomness, uniform in [0, 1), for tests. */
  random?: () => number;
  /** Further tries of a request that may be sent again. Default 4. */
  retries?: number;
  /**
   * Whether `submit` joins the calls of one tick to one batch, each answered as if it had been sent by itself. Default true. False
   * sends each as a request of its own.
   */
  joinSubmits?: boolean;
  /** How many milliseconds an answer may take, beside the wait that a call asks for. Default 30,000. */
  timeoutMs?: number;
}

/** How a call is sent. */
interface Sending {
  /** Doing it twice is doing it once. Others are sent again only when they were certainly not done (429). */
  repeatable: boolean;
  headers?: Record<string, string>;
  /** The JSON text of `body`, where the caller has it. */
  text?: string;
  /** How many seconds the server holds the answer on purpose. */
  waitSeconds?: number;
  signal?: AbortSignal | undefined;
}

/** The types of a call, out of its constant. */
type TypesOf<C> = C extends Call<infer T> ? T : never;

/** A request that is ready to be sent. */
interface Request extends Sending {
  method: string;
  path: string;
}

/** Sends requests: authentication, deadlines, retries with jittered backoff. Answers are trusted to be the contract's. */
export class Transport {
  readonly clock: Clock;
  readonly random: () => number;
  /** Where Dure is, without a slash at the end. */
  readonly url: string;
  /** What was seen: every call goes on with it, so that `session` reads never fall behind any other call. */
  readonly session: Session = new Session();
  readonly #headers: Record<string, string>;
  readonly #fetch: Fetch;
  readonly #retries: number;
  readonly #timeoutMs: number;

  /** Throws a TypeError when nobody says where Dure is, or with which key to call it. */
  constructor(options: ClientOptions) {
    const { namespace } = options;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.url = given(options.url, "url", "DURE_URL").replace(/\/+$/, "");
    this.#headers = {
      authorization: `Bearer ${given(options.key, "key", "DURE_KEY")}`,
      ...(namespace === undefined ? {} : { "dure-namespace": namespace }),
    };
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#retries = options.retries ?? 4;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Sends, and sends again where that is safe. Throws `DureError`, or the reason of an aborted `signal`. */
  async call<C extends Call>(call: C, input: CallInput<TypesOf<C>> & Sending): Promise<TypesOf<C>["answer"]> {
    const request = requestOf(call, input);
    for (let failures = 1; ; failures++) {
      try {
        return await this.#once(request);
      } catch (error) {
        input.signal?.throwIfAborted();
        const pause = this.pauseAfter(error, failures, input.repeatable);
        if (pause === null) throw error;
        await this.clock.sleep(pause, input.signal);
        input.signal?.throwIfAborted();
      }
    }
  }

  /** How many milliseconds to wait before the try after the `failures`th failure in a row. Null: there is to be none. */
  pauseAfter(error: unknown, failures: number, repeatable: boolean): number | null {
    if (!isTransient(error, repeatable) || failures > this.#retries) return null;
    return pauseMs(error, failures, this.random());
  }

  /** One try. */
  once<C extends Call>(call: C, input: CallInput<TypesOf<C>> & Sending): Promise<TypesOf<C>["answer"]> {
    return this.#once(requestOf(call, input));
  }

  /** One try; and another without bookmarks where the server does not take these any more. */
  async #once<T>(request: Request): Promise<T> {
    const { sent } = this.session;
    const { method, text, signal } = request;
    const deadline = this.clock.deadline(this.#timeoutMs + (request.waitSeconds ?? 0) * 1000);
    const init = {
      method,
      headers: {
        ...this.#headers,
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...(sent.length === 0 ? {} : { "dure-bookmark": sent.join(", ") }),
        ...request.headers,
      },
      ...(text === undefined ? {} : { body: text }),
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    };
    const { response, body } = await this.#exchange(this.url + request.path, init);
    this.session.answered(sent, response.headers.get("dure-bookmark"));
    if (response.status >= 300) {
      const error = answerError(response.status, body, response.headers.get("retry-after"));
      if (this.session.refused(sent, error)) return this.#once(request);
      throw error;
    }
    return parse<T>(body);
  }

  async #exchange(url: string, init: Parameters<Fetch>[1]) {
    try {
      const response = await this.#fetch(url, init);
      return { response, body: await response.text() };
    } catch (error) {
      throw networkError(error);
    }
  }
}

/** An option, or the environment variable that stands for it. */
function given(option: string | undefined, name: string, variable: string): string {
  const value = option ?? environmentVariable(variable);
  if (value === undefined || value === "")
    throw new TypeError(`Dure has no ${name}: give the option ${name}, or set the environment variable ${variable}.`);
  return value;
}

function requestOf(call: Call, input: CallInput<NonNullable<Call["types"]>> & Sending): Request {
  const { params, query, body, ...sending } = input;
  return {
    ...sending,
    method: call.method,
    path: pathOf(call, params) + queryText(query),
    ...(body === undefined || sending.text !== undefined ? {} : { text: writeJson(body) }),
  };
}

function queryText(query: object = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}

function parse<T>(text: string): T {
  try {
    return (text === "" ? null : readAnswer(text)) as T;
  } catch (error) {
    throw networkError(error); // A cut-off answer says as little as none.
  }
}
