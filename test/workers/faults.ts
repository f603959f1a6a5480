import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { AuditView } from "../../contract/admin.ts";
import type { ShardApi } from "../../contract/rpc.ts";
import gateway, { type Shard } from "../limits/gateway.ts";
import { type Answer, answerOf, type CallOptions, request, shards } from "./api.ts";

/**
 * The only place that knows faults: bindings and storage that fail as told. Production code takes its bindings from `env`. Errors
 * quote what the call was given, as those of a database do.
 */

/** One call through a gateway isolate of its own, whose bindings are `bindings`. Every object is an isolate with cold caches. */
export async function callThrough<T>(
  bindings: Env,
  [method, path]: [string, string],
  options: CallOptions = {},
): Promise<Answer<T>> {
  const context = createExecutionContext();
  const answer = await answerOf<T>(await gateway.fetch(request(method, path, options), bindings, context));
  await waitOnExecutionContext(context);
  return answer;
}

/** What the audit finds at this moment: asked of an isolate that remembers no earlier answer. */
export async function auditNow(): Promise<AuditView> {
  const { status, body } = await callThrough<AuditView>({ ...env }, ["GET", "/v1/audit"]);
  if (status !== 200) throw new Error(`GET /v1/audit: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** When a call fails: instead of happening, or after it has happened, its answer being lost. */
export type When = "before" | "after";

/** `target` with some members replaced; the others keep working on the real one. */
export function replaced<T extends object>(target: T, members: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(real, name) {
      if (name in members) return members[name as keyof T];
      const value: unknown = Reflect.get(real, name, real);
      // Not `bind`: of an RPC stub's method that would be a property to call at the other end.
      return typeof value === "function" ? (...args: unknown[]) => Reflect.apply(value, real, args) : value;
    },
  });
}

/** A database of which every statement fails. */
export function brokenDatabase(): D1Database {
  const fail = () => {
    throw new Error("D1_ERROR: the database is away");
  };
  return replaced(env.DB, { prepare: fail, batch: fail, exec: fail, withSession: () => brokenDatabase() });
}

/** A database whose next `times` batches fail: before they are written, or after, so that only the answer is lost. */
export function batchFails(when: When, times = 1): D1Database {
  let left = times;
  const failing: D1Database = replaced(env.DB, {
    withSession: () => replaced(failing as unknown as D1DatabaseSession, { getBookmark: () => null }),
    batch: async (statements: D1PreparedStatement[]) => {
      if (left-- <= 0) return env.DB.batch(statements);
      if (when === "after") await env.DB.batch(statements);
      throw new Error("D1_ERROR: Network connection lost.");
    },
  });
  return failing;
}

/** A KV namespace of which reading or writing, or both, fail. */
export function brokenCache(...broken: ("get" | "put")[]): KVNamespace {
  const fail = (...given: unknown[]) => Promise.reject(new Error(`KV is away: ${JSON.stringify(given)}`));
  return replaced(env.CACHE, Object.fromEntries(broken.map((name) => [name, fail])));
}

type RpcMethod = (...args: unknown[]) => Promise<unknown>;

export interface RpcFault {
  method: keyof ShardApi;
  when: When;
  /** What the runtime says of the error. */
  flags?: { retryable?: true; overloaded?: true };
  /** Default: every call. */
  times?: number;
}

/** Shards of which one method fails. `calls` counts how often it was called. */
export function faultyShards(fault: RpcFault): { SHARD: Env["SHARD"]; calls: () => number } {
  let calls = 0;
  const stubOf = (name: string) => {
    const stub = env.SHARD.getByName(name);
    const failing = async (...args: unknown[]) => {
      const reach = () => Reflect.apply(stub[fault.method] as RpcMethod, stub, args);
      calls += 1;
      if (calls > (fault.times ?? Number.POSITIVE_INFINITY)) return reach();
      if (fault.when === "after") await reach();
      throw Object.assign(new Error(`injected: ${JSON.stringify(args)}`), fault.flags);
    };
    return replaced(stub, { [fault.method]: failing });
  };
  return { SHARD: replaced(env.SHARD, { getByName: stubOf }), calls: () => calls };
}

/** Lets every shard send its bells through `send`, until the objects are evicted. */
export async function sendBellsThrough(send: (body: unknown) => Promise<unknown>): Promise<void> {
  for (const { stub } of shards()) {
    await runInDurableObject(stub, (instance) => {
      const queue = { send };
      const bindings = {
        ...env,
        LANE_DEFAULT: queue,
        LANE_SLOW: queue,
        LANE_BULK: queue,
        HISTORY: queue,
        EVENTS: queue,
      };
      Object.defineProperty(instance, "env", { value: bindings, configurable: true });
    });
  }
}

/** What happens at a statement: it throws instead of running, it throws after it ran, or the object dies. */
export type Crash = "throws" | "throws-after" | "dies";

/** One of them is a run's turn: to crash at every statement of something takes long, and they tell of much the same. */
export const CRASHES: readonly Crash[] = ["throws", "throws-after", "dies"];

/** Makes `stub`'s `n`-th SQL statement from now fail. Answers how many were run so far. */
export async function crashAt(stub: DurableObjectStub<Shard>, n: number, crash: Crash): Promise<() => number> {
  let statements = 0;
  await runInDurableObject(stub, (_, state) => {
    const { storage } = state;
    const real = storage.sql;
    const exec = (query: string, ...params: unknown[]) => {
      statements += 1;
      if (statements !== n) return real.exec(query, ...params);
      if (crash === "dies") state.abort("crash point");
      if (crash === "throws-after") real.exec(query, ...params).toArray();
      throw new Error(`crash point ${n}`);
    };
    Object.defineProperty(storage, "sql", { value: replaced(real, { exec }), configurable: true });
  });
  return () => statements;
}

/** A database that has no room: it can be read, and every write of jobs is refused as D1 does it, for as long as `full` says. */
export function fullDatabase(full: () => boolean = () => true): D1Database {
  const refused: D1Database = replaced(env.DB, {
    withSession: () => replaced(refused as unknown as D1DatabaseSession, { getBookmark: () => null }),
    batch: async (statements: D1PreparedStatement[]) => {
      if (full()) throw new Error("D1_ERROR: Exceeded maximum DB size");
      return env.DB.batch(statements);
    },
  });
  return refused;
}
