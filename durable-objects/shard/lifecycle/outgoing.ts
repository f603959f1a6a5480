import { Part } from "../kernel/part.ts";

/**
 * How many jobs wait in the outbox, of each namespace. The outbox counts them here, from its rows when the object starts and
 * after each step that has committed: what comes in has to know of them, and stands before the outbox.
 */
export class Outgoing {
  readonly #byNamespace = new Map<string, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  of(namespace: string): number {
    return this.#byNamespace.get(namespace) ?? 0;
  }

  /** So many more, or fewer: at the start, or when a step has committed. */
  count(namespace: string, jobs: number): void {
    this.#all += jobs;
    const left = this.of(namespace) + jobs;
    if (left === 0) this.#byNamespace.delete(namespace);
    else this.#byNamespace.set(namespace, left);
  }
}

export const OUTGOING = new Part("jobs in the outbox", () => new Outgoing());
