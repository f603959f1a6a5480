import type { Sql } from "../../sql.ts";
import type { StepScope } from "./part.ts";

/**
 * Whether a table may have rows. Most shards have none of most features' rows most of the time, and then nobody asks for
 * any. It may say yes where there are none any more, and never no where there are. So a row that is about to be written
 * counts at once, for its own step too, though the step may yet be undone; that rows are gone counts when it has committed.
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

  /** A row is about to be written. */
  raise(): void {
    this.any = true;
  }

  /** The caller removes rows in this step: the table is looked at again when it has committed. */
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
