import { meter } from "./invocation.ts";
import type { Statement } from "./meter.ts";

type Method = (...args: unknown[]) => unknown;

const limitedEnvs = new WeakMap<object, object>();
const limitedBindings = new WeakMap<object, unknown>();

/** The same bindings for every use of one `env`, because isolates know theirs by it. */
export function limited<E extends object>(env: E): E {
  const known = limitedEnvs.get(env);
  if (known !== undefined) return known as E;
  const made = new Proxy(env, { get: (real, name) => limitedBinding(Reflect.get(real, name), String(name)) });
  limitedEnvs.set(env, made);
  // What is limited already stays as it is.
  limitedEnvs.set(made, made);
  return made;
}

function limitedBinding(binding: unknown, name: string): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  const known = limitedBindings.get(binding);
  if (known !== undefined) return known;
  const made = wrapped(binding, name);
  limitedBindings.set(binding, made);
  return made;
}

/** Bindings are told apart by what they can do. */
function wrapped(binding: object, name: string): unknown {
  if ("getByName" in binding) return limitedNamespace(binding);
  if ("prepare" in binding) return limitedDatabase(binding);
  if ("put" in binding && "get" in binding) return limitedKv(binding, name);
  if ("send" in binding || "sendBatch" in binding) return limitedQueue(binding);
  return binding;
}

/** `target` whose methods are given by `methods`, or act as they are. */
function intercept(target: object, methods: Record<string, (real: Method) => Method>): object {
  return new Proxy(target, {
    get(object, key) {
      const value = Reflect.get(object, key);
      if (typeof value !== "function" || typeof key === "symbol") return value;
      // Not `bind`: of an RPC stub's method that would be a property to call at the other end.
      const real: Method = (...args) => Reflect.apply(value, object, args);
      return methods[key]?.(real) ?? real;
    },
  });
}

function limitedNamespace(namespace: object): object {
  const stubs =
    (real: Method): Method =>
    (...args) =>
      limitedStub(real(...args) as object);
  return intercept(namespace, {
    getByName: stubs,
    get: stubs,
    jurisdiction:
      (real) =>
      (...args) =>
        limitedNamespace(real(...args) as object),
  });
}

function limitedStub(stub: object): object {
  return new Proxy(stub, {
    get(object, key) {
      const value = Reflect.get(object, key);
      if (typeof value !== "function" || typeof key === "symbol") return value;
      return (...args: unknown[]) => {
        const own = meter();
        const ask = () => Reflect.apply(value, object, args);
        return own === undefined ? ask() : own.called(key, ask);
      };
    },
  });
}

function limitedQueue(queue: object): object {
  return intercept(queue, {
    send: (real) => (body, options) => {
      const message = { body, ...(options as { delaySeconds?: number } | undefined) };
      return meter()?.sent([message], async () => real(body, options)) ?? real(body, options);
    },
    sendBatch:
      (real) =>
      (messages, ...rest) => {
        const all = [...(messages as Iterable<{ body: unknown; delaySeconds?: number }>)];
        return meter()?.sent(all, async () => real(all, ...rest)) ?? real(all, ...rest);
      },
  });
}

function limitedKv(kv: object, space: string): object {
  const use =
    (method: string) =>
    (real: Method): Method =>
    (...args) => {
      const [named, value] = args;
      const keys = method === "list" ? [] : ((Array.isArray(named) ? named : [named]) as string[]);
      return meter()?.kv({ method, keys, value, space }, async () => real(...args)) ?? real(...args);
    };
  const methods = ["get", "getWithMetadata", "put", "delete", "list"];
  return intercept(kv, Object.fromEntries(methods.map((method) => [method, use(method)])));
}

/** What stands behind a statement: a batch takes the statements themselves, not what stands in for them. */
const behind = new WeakMap<object, { real: object; statement: Statement }>();

/** A database, or a session on one. */
function limitedDatabase(database: object): object {
  return intercept(database, {
    prepare: (real) => (sql) => limitedStatement(real(sql) as object, { sql: String(sql), params: [] }),
    withSession:
      (real) =>
      (...args) =>
        limitedDatabase(real(...args) as object),
    batch: (real) => (statements) => {
      const known = (statements as object[]).map((one) => behind.get(one));
      const run = async () => real((statements as object[]).map((one, i) => known[i]?.real ?? one));
      const sent = known.flatMap((one) => one?.statement ?? []);
      return meter()?.queried(sent, run, (answer) => answer as unknown[]) ?? run();
    },
    exec: (real) => (sql) => asked({ sql: String(sql), params: [] }, async () => real(sql)),
  });
}

function limitedStatement(real: object, statement: Statement): object {
  const asks =
    (method: Method): Method =>
    (...args) =>
      asked(statement, async () => method(...args));
  const made = intercept(real, {
    bind:
      (bind) =>
      (...params) =>
        limitedStatement(bind(...params) as object, { ...statement, params }),
    run: asks,
    all: asks,
    first: asks,
    raw: asks,
  });
  behind.set(made, { real, statement });
  return made;
}

/** One statement by itself. */
function asked(statement: Statement, run: () => Promise<unknown>): Promise<unknown> {
  return meter()?.queried([statement], run, (answer) => [answer]) ?? run();
}
