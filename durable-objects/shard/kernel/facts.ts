import type { Sql } from "../../sql.ts";
import { Part } from "./part.ts";

/** The few facts that a shard keeps beside its jobs, each under a key of its own. */
export class Facts {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The fact, or null when it was never written. */
  read(key: string): string | null {
    return this.#sql.all<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)[0]?.value ?? null;
  }

  /** Writes the fact. Costs 1 row. */
  write(key: string, value: string): void {
    this.#sql.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
  }
}

export const FACTS = new Part("facts", ({ sql }) => new Facts(sql));
