import type { Clock } from "../../client/src/clock.ts";
import { Dure } from "../../client/src/dure.ts";
import type { Log } from "../../client/src/log.ts";
import type { ClientOptions, Fetch } from "../../client/src/transport.ts";

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that is parked until it is moved. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      this.#timers.push({ at: this.#now + ms, fire: resolve });
      signal?.addEventListener("abort", () => resolve());
    });
  }

  deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#timers.push({ at: this.#now + ms, fire: () => controller.abort(new Error("deadline")) });
    return controller.signal;
  }

  /** Moves time on, stopping at each timer on the way. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settle();
    }
    this.#now = end;
  }
}

/** A log that keeps what went wrong outside of handlers, and says nothing. */
export function errorLog(errors: unknown[]): Log {
  return { info: () => undefined, warn: () => undefined, error: (_, error) => void errors.push(error) };
}

export interface SeenRequest {
  method: string;
  path: string;
  body: unknown;
  headers: Record<string, string>;
}

export type Answer = { status?: number; body?: unknown; headers?: Record<string, string> } | "no-answer";

/** A server that answers as `script` says. `"no-answer"` is a connection that breaks after the request was done. */
export function fakeServer(script: (request: SeenRequest) => Answer | Promise<Answer>): {
  fetch: Fetch;
  seen: SeenRequest[];
} {
  const seen: SeenRequest[] = [];
  const fetch: Fetch = async (url, init) => {
    const request = {
      method: init.method,
      path: url.replace("http://dure", ""),
      body: init.body === undefined ? undefined : (JSON.parse(init.body) as unknown),
      headers: init.headers,
    };
    seen.push(request);
    const aborted = new Promise<never>((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
    const answer = await Promise.race([script(request), aborted]);
    if (answer === "no-answer") throw new TypeError("connection reset");
    const headers = new Map(Object.entries(answer.headers ?? {}));
    return {
      status: answer.status ?? 200,
      headers: { get: (name) => headers.get(name) ?? null },
      text: async () => (answer.body === undefined ? "" : JSON.stringify(answer.body)),
    };
  };
  return { fetch, seen };
}

/** A client of a server that answers its n-th request, from 1, as `script` says; its pauses are of their mean length. */
export function scriptedClient(
  script: (request: SeenRequest, call: number) => Answer | Promise<Answer>,
  options: ClientOptions = {},
) {
  const clock = new FakeClock();
  let calls = 0;
  const { fetch, seen } = fakeServer((request) => script(request, ++calls));
  const dure = new Dure({ url: "http://dure/", key: "dure_k_s", fetch, clock, random: () => 0.5, ...options });
  return { dure, clock, seen };
}

/** A promise to be resolved by hand. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** A claimed job as the server would send it. */
export function claimedJob(id: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return { id, lease: `lease-${id}`, timeout: 3600, payload: { id }, state: "running", attempt: 1, ...over };
}

export function problemBody(status: number, code: string): { status: number; body: unknown } {
  return { status, body: { type: `/problems/${code}`, title: code, status, detail: code, code } };
}
