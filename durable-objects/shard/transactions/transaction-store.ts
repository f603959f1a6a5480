import type { Prepared } from "../../../domain/two-phase-participant.ts";
import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/** Transactions as rows that are walked over, by their names. */
export const EACH_TRANSACTION = { kind: "transactions", keyOf: (txn) => txn } as const satisfies Rows<string>;

export interface PreparedRow {
  prepared: Prepared;
  /** Epoch ms: since when it is prepared. */
  since: number;
}

/** How far each transaction is here. The jobs that wait for it are in `ReservationStore`. */
export class TransactionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  find(txn: string): PreparedRow | null {
    const row = this.#sql.all<{ phase: Prepared["phase"]; at: number; since: number }>(
      "SELECT phase, at, since FROM transactions WHERE txn = ?",
      txn,
    )[0];
    if (row === undefined) return null;
    return { prepared: { phase: row.phase, at: row.at }, since: row.since };
  }

  /** 2 rows. */
  save(txn: string, { prepared, since }: PreparedRow): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO transactions (txn, phase, at, since) VALUES (?, ?, ?, ?)",
      txn,
      prepared.phase,
      prepared.at,
      since,
    );
  }

  forget(txn: string): void {
    this.#sql.run("DELETE FROM transactions WHERE txn = ?", txn);
  }

  /** Transactions whose time has come. */
  due(now: number, limit: number): string[] {
    const query = "SELECT txn FROM transactions INDEXED BY transactions_at WHERE at <= ? ORDER BY at LIMIT +?";
    return this.#sql.all<{ txn: string }>(query, now, limit).map(({ txn }) => txn);
  }

  /** The transactions whose time comes first, and when. */
  times(limit: number): { key: string; at: number }[] {
    const query = "SELECT txn AS key, at FROM transactions INDEXED BY transactions_at ORDER BY at LIMIT +?";
    return this.#sql.all<{ key: string; at: number }>(query, limit);
  }

  /** When the next transaction's time comes, epoch ms; null without one. */
  nextAt(): number | null {
    return this.#sql.all<{ at: number | null }>("SELECT min(at) AS at FROM transactions")[0]?.at ?? null;
  }

  /** Some of the transactions that are prepared since before `at`. */
  preparedSince(at: number): string[] {
    const query = "SELECT txn FROM transactions WHERE phase = 'prepared' AND since < ? LIMIT 5";
    return this.#sql.all<{ txn: string }>(query, at).map(({ txn }) => txn);
  }
}

export const TRANSACTIONS = new Part("transactions", ({ sql }) => new TransactionStore(sql));
