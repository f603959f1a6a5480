/** Calls to shards as messages: each takes time, and may be lost before, lost after, slow or executed twice. */
import type { ShardApi } from "../../contract/rpc.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Life } from "./life.ts";
import type { Random } from "./random.ts";
import type { ShardHost } from "./shard-host.ts";
import { mayWait } from "./waiting-calls.ts";

export type Method = keyof ShardApi;
export type Request<M extends Method> = Parameters<ShardApi[M]>[0];
/** What comes back on the wire. */
export type Reply<M extends Method> = Awaited<ReturnType<ShardApi[M]>>;
export type Result<M extends Method> = Reply<M>["result"];

/** What a caller sees of a call that got no answer: it cannot know whether it was carried out. */
export class CallFailed extends Error {
  readonly retryable: boolean;
  readonly overloaded = false;

  constructor(message: string, retryable: boolean) {
    super(message);
    this.retryable = retryable;
  }
}

interface NetworkParts {
  clock: Clock;
  faults: Faults;
  random: Random;
  hosts: Map<string, ShardHost>;
  trace(event: string): void;
  /** A call that was held ended with its object. */
  lost(): void;
}

/** Calls that are the same when carried out twice, as far as their contract says. */
const SAFE_TWICE: ReadonlySet<Method> = new Set([
  "report",
  "receive",
  "extend",
  "cancel",
  "work",
  "claim",
  "projected",
  "wake",
  "configure",
  "get",
  "explain",
  "finished",
]);
const MAX_SLOW_MS = 5_000;
/** A message may arrive long after its sender has given it up, though not after a shard may have forgotten its job. */
const LATE_MS = [2_000, 30_000, 55_000];
/** What one shard hands to another is never taken twice, however late it comes. */
const LATE_RECEIVE_MS = [...LATE_MS, 600_000];

export class Network {
  readonly #parts: NetworkParts;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** Rejects with `CallFailed`; never settles when the caller's life ends before. */
  call<M extends Method>(life: Life, to: string, method: M, request: Request<M>): Promise<Reply<M>> {
    const { clock, faults, random, trace } = this.#parts;
    // What is sent is a copy: neither side sees the other's later changes.
    const sent = structuredCloneJson(request);
    return life.wait<Reply<M>>(({ resolve, reject }) => {
      const there = this.#latency();
      if (faults.hit("network.request-lost")) {
        trace(`${life.name} -> ${to} ${method} LOST`);
        return clock.after(there, () => reject(new CallFailed("connection lost", true)));
      }
      if (faults.hit("network.late")) {
        trace(`${life.name} -> ${to} ${method} LATE`);
        const late = random.int(200, random.pick(method === "receive" ? LATE_RECEIVE_MS : LATE_MS));
        clock.after(late, () => this.#execute(life, to, method, sent));
        return clock.after(there, () => reject(new CallFailed("connection lost", false)));
      }
      if (SAFE_TWICE.has(method) && faults.hit("network.double")) {
        clock.after(random.int(1, MAX_SLOW_MS), () => this.#execute(life, to, method, sent));
      }
      clock.after(there, () => {
        const done = this.#execute(life, to, method, sent);
        if (done.type !== "done")
          return clock.after(this.#latency(), () => reject(new CallFailed(`object ${done.type}`, true)));
        const answer = (reply: Reply<M> | null) => {
          const back = this.#latency();
          if (reply === null) return clock.after(back, () => reject(new CallFailed("object gone", true)));
          if (faults.hit("network.reply-lost")) {
            trace(`${to} -> ${life.name} ${method} reply LOST`);
            return clock.after(back, () => reject(new CallFailed("connection lost", false)));
          }
          const copy = structuredCloneJson(reply);
          clock.after(back, () => resolve(copy));
        };
        if (!mayWait(method)) return answer(done.value);
        void this.#hold({ life, to, method }, sent, done.value).then(answer);
      });
    });
  }

  /** What an answer comes to that may be held. */
  #hold<M extends Method>(
    { life, to, method }: { life: Life; to: string; method: M },
    request: Request<M>,
    reply: Reply<M>,
  ): Promise<Reply<M> | null> {
    const run = () => {
      const done = this.#execute(life, to, method, request);
      return done.type === "done" ? done.value : null;
    };
    const held = this.#host(to).hold(method, request, { reply, run });
    return held.then((answer) => {
      if (answer === null) this.#parts.lost();
      return answer;
    });
  }

  #host(name: string): ShardHost {
    const host = this.#parts.hosts.get(name);
    if (host === undefined) throw new Error(`no shard ${name}`);
    return host;
  }

  #execute<M extends Method>(life: Life, to: string, method: M, request: Request<M>) {
    const done = this.#host(to).execute(method, request, (core) => {
      const call = core[method] as unknown as (request: Request<M>) => Result<M>;
      return core.reply(call.call(core, request)) as Reply<M>;
    });
    this.#parts.trace(
      `${life.name} -> ${to} ${method} ${done.type === "done" ? summary(done.value.result) : done.type}`,
    );
    return done;
  }

  #latency(): number {
    const { faults, random } = this.#parts;
    return random.int(1, 10) + (faults.hit("network.slow") ? random.int(100, MAX_SLOW_MS) : 0);
  }
}

function structuredCloneJson<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}

/** Enough of a reply for a trace. */
function summary(reply: unknown): string {
  if (reply === undefined) return "ok";
  const text = JSON.stringify(reply, (key, value: unknown) => (HIDDEN.has(key) ? undefined : value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Long, or of the database file and not of the history. */
const HIDDEN = new Set([
  "bytes",
  "chunks",
  "rowsWritten",
  "payload",
  "retry",
  "attempts",
  "settings",
  "tags",
  "namespace",
  "orderingKey",
  "timeoutMs",
  "createdAt",
]);
