import { limited } from "./bindings.ts";
import { meterCaches, meterFetch } from "./globals.ts";
import { invoked, meter } from "./invocation.ts";
import type { Invoked, Meter } from "./meter.ts";

type Method = (...args: unknown[]) => unknown;
/** A class that the platform makes of its state and the bindings. */
type Made = new (ctx: never, env: never) => object;

meterCaches();

/** Runs one event under a meter of its own. */
export function event<T>(what: Invoked, run: (own: Meter) => T): T {
  meterFetch();
  return invoked(what, run);
}

/** The context of an event, whose work afterwards belongs to it. */
export function limitedContext(context: ExecutionContext, own: Meter): ExecutionContext {
  return new Proxy(context, {
    get(real, name) {
      if (name === "waitUntil") {
        return (work: Promise<unknown>) => {
          own.until(work);
          real.waitUntil(work);
        };
      }
      const value: unknown = Reflect.get(real, name);
      return typeof value === "function" ? value.bind(real) : value;
    },
  });
}

/**
 * The class with limited bindings, and a meter for each call from outside. Calls of its own methods belong to the event in which
 * they are made.
 */
export function limitedClass<C extends Made>(Real: C, isolate: string): C {
  const Limited = class extends (Real as unknown as new (ctx: unknown, env: object) => object) {
    constructor(ctx: unknown, env: object) {
      super(ctx, limited(env));
      measureSteps(ctx);
    }
  };
  for (const [name, method] of methodsOf(Real)) {
    Object.defineProperty(Limited.prototype, name, {
      configurable: true,
      writable: true,
      value(this: object, ...args: unknown[]) {
        const run = () => Reflect.apply(method, this, args);
        if (meter()?.owner === this) return run();
        return event({ isolate, event: name, owner: this }, (own) => {
          own.took(args);
          const result = run();
          return result instanceof Promise ? result.then((answer) => own.took(answer)) : result;
        });
      },
    });
  }
  return Limited as unknown as C;
}

/** The methods of a class and of those that it extends, without what the platform's own class has. */
function methodsOf(Real: Made): Map<string, Method> {
  const found = new Map<string, Method>();
  for (
    let prototype = Real.prototype as object;
    Object.getPrototypeOf(prototype) !== null && Object.getPrototypeOf(Object.getPrototypeOf(prototype)) !== null;
    prototype = Object.getPrototypeOf(prototype) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name !== "constructor" && typeof value === "function" && !found.has(name)) found.set(name, value as Method);
    }
  }
  return found;
}

type TransactionSync = (this: unknown, step: () => unknown) => unknown;

const measured = new WeakSet<object>();

/**
 * A step of an object is one transaction, which runs without a pause: that is CPU that can be seen. The method is replaced for all
 * objects at once: a property of one storage would keep its database open after the object has died.
 */
function measureSteps(ctx: unknown): void {
  const storage = (ctx as Partial<DurableObjectState>).storage;
  if (storage?.transactionSync === undefined) return;
  const prototype = Object.getPrototypeOf(storage) as { transactionSync: TransactionSync };
  if (measured.has(prototype)) return;
  measured.add(prototype);
  const real = prototype.transactionSync;
  prototype.transactionSync = function (step) {
    const began = performance.now();
    const timed = () => {
      const result = step();
      meter()?.ran(performance.now() - began);
      return result;
    };
    return Reflect.apply(real, this, [timed]);
  };
}
