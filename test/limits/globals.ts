import { meter } from "./invocation.ts";

type Fetch = typeof fetch;

const metered = new WeakSet<Fetch>();

/** What every invocation begins with: requests go through its meter, also where a test has put a `fetch` of its own since. */
export function meterFetch(): void {
  const real = globalThis.fetch;
  if (metered.has(real)) return;
  const counting: Fetch = async (input, init) => {
    const own = meter();
    if (own === undefined) return real(input, init);
    own.subrequest("fetch");
    return own.connected("fetch", () => real(input, init));
  };
  metered.add(counting);
  globalThis.fetch = counting;
}

type CacheMethod = (this: Cache, ...args: unknown[]) => Promise<unknown>;

/** Edge caches are no bindings: their methods are replaced once. */
export function meterCaches(): void {
  const prototype = Object.getPrototypeOf(caches.default) as Record<string, CacheMethod>;
  for (const method of ["match", "put", "delete"]) {
    const real = prototype[method];
    if (real === undefined) throw new Error(`edge caches have no ${method}`);
    prototype[method] = async function (...args) {
      const own = meter();
      const run = () => Reflect.apply(real, this, args) as Promise<unknown>;
      if (own === undefined) return run();
      own.subrequest(`cache ${method}`);
      return own.connected(`cache ${method}`, run);
    };
  }
}
