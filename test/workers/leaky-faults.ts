import { env } from "cloudflare:workers";
import { vi } from "vitest";

/** Bindings that fail in the worst way: each error quotes everything that the call was given. */

export interface LeakyFaults {
  bindings: Env;
  /** How many operations were asked for, failed ones included. */
  operations(): number;
}

/** Everything that errors have quoted, over all of a file. */
export const quoted: string[] = [];

/** Bindings of which the `from`-th operation and every later one fail: statements of D1, calls of objects, KV and Queues. */
export function leakyFrom(from: number): LeakyFaults {
  let operations = 0;
  const guard: Guard = async (what, given, run) => {
    operations += 1;
    if (operations < from) return run();
    const message = `${what} ${typeof given === "string" ? given : JSON.stringify(given)}`;
    quoted.push(message);
    throw new Error(`D1_ERROR: ${message}`, { cause: new Error(message) });
  };
  const bindings = {
    ...env,
    DB: leakyDatabase(env.DB, guard),
    CACHE: leakyCalls(env.CACHE, guard),
    SHARD: leakyObjects(env.SHARD, guard),
    DIRECTORY: leakyObjects(env.DIRECTORY, guard),
    TRANSACTION: leakyObjects(env.TRANSACTION, guard),
    INGEST: leakyCalls(env.INGEST, guard),
  };
  return { bindings: bindings as unknown as Env, operations: () => operations };
}

type Guard = <T>(what: string, given: unknown, run: () => Promise<T>) => Promise<T>;
type Method = (...args: unknown[]) => Promise<unknown>;

/** The real statement behind each stand-in, with what it was given. */
const behind = new WeakMap<object, { real: D1PreparedStatement; given: unknown }>();

function leakyDatabase(real: Pick<D1Database, "prepare" | "batch">, guard: Guard): unknown {
  return {
    prepare: (sql: string) => leakyStatement(real.prepare(sql), { sql, params: [] }, guard),
    batch: (statements: object[]) => {
      const found = statements.map((statement) => behind.get(statement));
      const run = () => real.batch(found.flatMap((one) => (one === undefined ? [] : [one.real])));
      return guard(
        "batch",
        found.map((one) => one?.given),
        run,
      );
    },
    withSession: (constraint?: string) => leakyDatabase(env.DB.withSession(constraint), guard),
    getBookmark: () => null,
  };
}

function leakyStatement(real: D1PreparedStatement, given: { sql: string; params: unknown[] }, guard: Guard): object {
  const ask =
    (method: "all" | "first" | "raw" | "run") =>
    (...args: unknown[]) =>
      guard(method, given, () => Reflect.apply(real[method] as Method, real, args));
  const statement = {
    bind: (...params: unknown[]) => leakyStatement(real.bind(...params), { ...given, params }, guard),
    ...Object.fromEntries((["all", "first", "raw", "run"] as const).map((method) => [method, ask(method)])),
  };
  behind.set(statement, { real, given });
  return statement;
}

function leakyObjects<T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  guard: Guard,
): unknown {
  return { getByName: (name: string) => leakyCalls(namespace.getByName(name), guard) };
}

function leakyCalls(real: object, guard: Guard): unknown {
  return new Proxy(real, {
    get(target, name) {
      if (typeof name === "symbol" || name === "then") return undefined;
      return (...args: unknown[]) =>
        guard(name, args, () => Reflect.apply(Reflect.get(target, name) as Method, target, args));
    },
  });
}

/** Shards that answer with what throws when it is looked at: the error, which no call expects, quotes what the call was given. */
export function poisonedShards(): Env {
  const poison = (given: unknown) =>
    new Proxy(
      {},
      {
        get(_, name) {
          if (name === "then") return undefined;
          const message = `${String(name)} of ${JSON.stringify(given)}`;
          quoted.push(message);
          throw new Error(message, { cause: new Error(message) });
        },
      },
    );
  const stub = new Proxy({}, { get: () => async (given: unknown) => poison(given) });
  return { ...env, SHARD: { getByName: () => stub } } as unknown as Env;
}

/** A network on which every request fails, with an error that quotes it. */
export function leakyFetch(): void {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const headers = JSON.stringify(Object.fromEntries(request.headers));
    const message = `fetch ${request.url} ${headers} ${await request.text()}`;
    quoted.push(message);
    throw new TypeError(message, { cause: new Error(message) });
  });
}

const LEVELS = ["debug", "error", "info", "log", "trace", "warn"] as const;

/** Everything that is written to the console from now on, until mocks are restored. */
export function consoleLines(): string[] {
  const lines: string[] = [];
  for (const level of LEVELS) {
    vi.spyOn(console, level).mockImplementation((...args: unknown[]) => {
      lines.push(args.map((arg) => (arg instanceof Error ? `${arg.stack} ${arg.message}` : String(arg))).join(" "));
    });
  }
  return lines;
}
