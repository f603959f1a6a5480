import { AsyncLocalStorage } from "node:async_hooks";
import { type Invoked, Meter } from "./meter.ts";
import { PLATFORM_LIMITS, type PlatformLimits } from "./platform.ts";

const current = new AsyncLocalStorage<Meter>();
let limits = PLATFORM_LIMITS;

/** The meter of the invocation in which this runs; undefined outside of any, as in a test's own code. */
export function meter(): Meter | undefined {
  return current.getStore();
}

/** Runs one invocation under a meter of its own. Work that goes on after it has answered still counts. */
export function invoked<T>(what: Invoked, run: (own: Meter) => T): T {
  const own = new Meter(what, limits);
  return current.run(own, () => {
    const began = performance.now();
    const ended = Promise.withResolvers<void>();
    own.until(ended.promise);
    try {
      const result = run(own);
      own.ran(performance.now() - began);
      own.until(result);
      return result;
    } finally {
      ended.resolve();
    }
  });
}

/** Runs `run` while invocations begin under smaller limits. */
export async function underLimits<T>(smaller: Partial<PlatformLimits>, run: () => Promise<T>): Promise<T> {
  const before = limits;
  limits = { ...PLATFORM_LIMITS, ...smaller };
  try {
    return await run();
  } finally {
    limits = before;
  }
}
