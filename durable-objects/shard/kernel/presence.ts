import type { Sql } from "../../sql.ts";
import type { StepScope } from "./part.ts";

/**
 * Whether a table may have rows. Most shards have none of most features' rows most of the time, and then nobody asks for
 * any. It may say yes where there are none any more, and never no where there are.
 */
export class Presence {
  readonly #sql: Sql;
  readonly #query: string;
  /** Whether there may be a row. A field and no method: it is looked at in every step. */
  any: boolean;

  /** `where` narrows the rows that count, as SQL. */
  constructor(sql: Sql, table: string, where = "true") {
    this.#sql = sql;
    this.#query = `SELECT 1 AS found FROM ${table} WHERE ${where} LIMIT 1`;
    this.any = this.#look();
  }

  /** As a step sees it: a row that the step itself writes counts at once for it, and for all others when it has committed. */
  inStep(step: StepScope): StepPresence {
    return new StepPresence(this, step);
  }

  /** Rows are written in this step. */
  raise(step: StepScope): void {
    if (this.any) return;
    step.onCommit(() => {
      this.any = true;
    });
  }

  /** Rows are removed in this step. */
  recheck(step: StepScope): void {
    if (!this.any) return;
    step.onCommit(() => {
      this.any = this.#look();
    });
  }

  #look(): boolean {
    return this.#sql.all(this.#query).length > 0;
  }
}

/** What a step knows of the rows of a table, its own included. */
export class StepPresence {
  readonly #base: Presence;
  readonly #step: StepScope;
  any: boolean;

  constructor(base: Presence, step: StepScope) {
    this.#base = base;
    this.#step = step;
    this.any = base.any;
  }

  /** A row was or is about to be written. */
  raise(): void {
    if (this.any) return;
    this.any = true;
    this.#base.raise(this.#step);
  }

  /** Rows are removed. */
  recheck(): void {
    if (!this.any) return;
    this.#step.onCommit(() => this.#base.recheck({ onCommit: (look) => look() }));
  }
}

/** What a store goes by that spares its queries while there is nothing: outside of any step it writes nothing. */
export interface Presences {
  readonly any: boolean;
  raise(): void;
  recheck(): void;
}

/** For those who only read. */
export function readOnly(presence: Presence): Presences {
  const refuse = () => {
    throw new Error("rows are written and removed in steps alone");
  };
  return {
    get any() {
      return presence.any;
    },
    raise: refuse,
    recheck: refuse,
  };
}
