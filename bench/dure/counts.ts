/** Uses of bindings that Cloudflare bills, counted by one Worker since it started. */
export interface Counts {
  /** HTTP requests, Queue batches and cron runs. */
  workerRequests: number;
  /** Calls of Durable Object methods, and alarms that fired; without the questions that the bench itself waits by. */
  objectRequests: number;
  /** Rows that shards have written, index entries included, as SQLite counts them. */
  objectRows: number;
  /** Times that an object has set its alarm: a row each. */
  alarmRows: number;
  /** Milliseconds in which a shard had a call or an alarm under way, and so is billed. */
  awakeMs: number;
  /** Messages sent to Queues. */
  messages: number;
  /** D1's own `meta.rows_written`. */
  d1Rows: number;
  kvWrites: number;
  /** Of the calls of objects, those that ask for a part of a request budget. */
  limiterCalls: number;
  /** Of the calls of objects, those of services by executors and by the proxy. */
  serviceCalls: number;
}

export const counts: Counts = {
  workerRequests: 0,
  objectRequests: 0,
  objectRows: 0,
  alarmRows: 0,
  awakeMs: 0,
  messages: 0,
  d1Rows: 0,
  kvWrites: 0,
  limiterCalls: 0,
  serviceCalls: 0,
};

/** What the bench asks to know how far the jobs are. */
const OWN_QUESTIONS: ReadonlySet<string> = new Set(["stats", "health"]);

const copies = new WeakMap<object, object>();

/**
 * A copy of `env` whose bindings count what they are asked for, the same at each call: what an isolate keeps between requests
 * hangs on it. Bindings are told apart by what they can do.
 */
export function counted<E extends object>(env: E): E {
  const known = copies.get(env) as E | undefined;
  if (known !== undefined) return known;
  const copy = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, countedBinding(value)])) as E;
  copies.set(env, copy);
  return copy;
}

function countedBinding(binding: unknown): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  if ("getByName" in binding) return intercept(binding, { getByName: (stub) => countedStub(stub as object) });
  if ("sendBatch" in binding) return intercept(binding, {}, countMessages);
  if ("prepare" in binding) return countedDatabase(binding);
  if ("put" in binding) return intercept(binding, {}, (method) => void (method === "put" && counts.kvWrites++));
  return binding;
}

/** Wraps methods: `before` sees the call, `after` by name may replace what the method returned. */
function intercept(
  target: object,
  after: Record<string, (result: unknown) => unknown>,
  before: (method: string, args: unknown[]) => void = () => undefined,
): object {
  return new Proxy(target, {
    get(object, key) {
      const value = Reflect.get(object, key);
      if (typeof value !== "function" || typeof key === "symbol") return value;
      return (...args: unknown[]) => {
        before(key, args);
        const result = Reflect.apply(value, object, args);
        return after[key]?.(result) ?? result;
      };
    },
  });
}

function countedStub(stub: object): object {
  return intercept(stub, {}, (method) => {
    if (!OWN_QUESTIONS.has(method)) counts.objectRequests++;
  });
}

function countMessages(method: string, args: unknown[]): void {
  if (method === "send") counts.messages++;
  if (method === "sendBatch") counts.messages += [...(args[0] as Iterable<unknown>)].length;
}

/** A database, or a session on one. */
function countedDatabase(database: object): object {
  const watched = intercept(database, {
    prepare: (statement) => countedStatement(statement as object),
    withSession: (session) => countedDatabase(session as object),
    batch: async (results) => {
      for (const result of (await results) as unknown[]) addRows(result);
      return results;
    },
  }) as D1DatabaseSession;
  // A batch takes the statements themselves, not what stands in for them.
  return new Proxy(watched, {
    get(target, key) {
      if (key !== "batch") return Reflect.get(target, key);
      return (statements: object[]) =>
        target.batch(statements.map((s) => originals.get(s) ?? s) as D1PreparedStatement[]);
    },
  });
}

const originals = new WeakMap<object, object>();

function countedStatement(statement: object): object {
  const rows = async (result: unknown) => {
    addRows(await result);
    return await result;
  };
  const wrapped = intercept(statement, {
    bind: (bound) => countedStatement(bound as object),
    run: rows,
    all: rows,
  });
  originals.set(wrapped, statement);
  return wrapped;
}

function addRows(result: unknown): void {
  counts.d1Rows += (result as D1Result).meta?.rows_written ?? 0;
}
