/** Names a row over all tables. */
export interface RowName {
  readonly kind: string;
  readonly key: string;
}

/** Runs of a step that look for the rows at which it throws: a step walks over a few hundred at most. */
const MOST_RUNS = 500;

export function textOf({ kind, key }: RowName): string {
  return `${kind}/${key}`;
}

/**
 * A search for the rows at which a step throws. The step is run again and again; in each run one row that has not been tried
 * is worked on, and no other. A row whose work walks over other rows is first tried without any of these, then
 * with one of them at a time: so what throws is the fault of the innermost row.
 */
export class Probe {
  /** Rows that passed, those with rows of their own among them. */
  readonly #passed = new Set<string>();
  /** Rows that are worked on no more. */
  readonly #exhausted = new Set<string>();
  /** The only row that is worked on, whatever walks lead to it; null: each in its turn. */
  readonly #only: string | null;
  #runs = 0;
  /** The row of this run; null before there is one. */
  #target: (RowName & { nests: boolean }) | null = null;

  constructor(only: RowName | null = null) {
    this.#only = only === null ? null : textOf(only);
  }

  get target(): RowName | null {
    return this.#target;
  }

  /** A run begins. False when there were too many. */
  begin(): boolean {
    this.#target = null;
    this.#runs += 1;
    return this.#runs <= MOST_RUNS;
  }

  /** Whether this run works on the row. */
  enters(name: RowName, nests: boolean): boolean {
    const text = textOf(name);
    // A step may come to its row by several walks.
    if (this.#target !== null) return text === textOf(this.#target);
    if (this.#only !== null && text !== this.#only) return nests;
    if (this.#exhausted.has(text)) return false;
    if (!this.#passed.has(text)) this.#target = { ...name, nests };
    return true;
  }

  leaves(name: RowName): void {
    // None of its rows was left to be tried.
    if (this.#target === null) this.#exhausted.add(textOf(name));
  }

  /** The run has come to its end without a throw. False when it worked on no row: all have been tried. */
  passed(): boolean {
    if (this.#target === null) return false;
    const text = textOf(this.#target);
    this.#passed.add(text);
    if (!this.#target.nests) this.#exhausted.add(text);
    return true;
  }
}
