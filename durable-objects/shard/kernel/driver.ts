import type { Engine } from "./engine.ts";

/** What the Durable Object gives to those who act for it outside of its steps. */
export interface DriverHost {
  readonly engine: Engine;
  /** Runs a step beside the calls that come together with it. */
  run<T>(step: () => T): Promise<T>;
  /** The object's bindings, asked for at every call. */
  bindings(): Env;
  /** Keeps the object alive until `work` has ended. */
  waitUntil(work: Promise<unknown>): void;
}

/** Makes the calls to other objects and Queues that a subsystem owes. What is owed is in the rows: a driver only hurries. */
export interface Driver {
  /** Called after every step that has committed, and after a call that is about to wait. */
  drive(): void;
}
