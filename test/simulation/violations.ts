/** What went wrong in a history. The first is the finding; what follows is often its consequence. */
export interface Violation {
  invariant: string;
  detail: string;
}

export class Violations {
  readonly list: Violation[] = [];
  readonly #trace: (event: string) => void;

  constructor(trace: (event: string) => void) {
    this.#trace = trace;
  }

  add(invariant: string, detail: string): void {
    this.#trace(`VIOLATION ${invariant} ${detail}`);
    this.list.push({ invariant, detail });
  }
}
