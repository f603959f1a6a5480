import { migrate, pending } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { RATE_LIMITER_MIGRATIONS } from "./migrations.ts";

/** Where the buckets of a namespace are found again after the object has died: the `tat` of each, in epoch ms, by its name. */
export class BucketStore {
  /** Whether nothing was ever spent: there was no object of this name before. */
  readonly isNew: boolean;
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.isNew = pending(sql, RATE_LIMITER_MIGRATIONS).length === RATE_LIMITER_MIGRATIONS.length;
    migrate(sql, RATE_LIMITER_MIGRATIONS);
  }

  /** What was saved last, and when (epoch ms); nothing at 0 where nothing was. */
  read(): { savedAt: number; saved: Map<string, number> } {
    const row = this.#sql.all<{ saved_at: number; saved: string }>("SELECT saved_at, saved FROM buckets")[0];
    if (row === undefined) return { savedAt: 0, saved: new Map() };
    return { savedAt: row.saved_at, saved: new Map(Object.entries(JSON.parse(row.saved) as Record<string, number>)) };
  }

  /** Writes one row, at `now` (epoch ms). */
  write(saved: Map<string, number>, now: number): void {
    this.#sql.run("INSERT OR REPLACE INTO buckets VALUES (1, ?, ?)", now, JSON.stringify(Object.fromEntries(saved)));
  }

  forget(): void {
    this.#sql.run("DELETE FROM buckets");
  }
}
