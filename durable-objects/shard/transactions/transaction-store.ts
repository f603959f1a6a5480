import type { NewJob, Verdict } from "../../../contract/rpc.ts";
import type { Held } from "../../../domain/two-phase-participant.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { ReservedKeys, ScopedKey } from "./transaction-keys.ts";

export interface HeldRow {
  held: Held;
  /** Epoch ms: since when it is prepared. */
  since: number;
  /** Of every job that was prepared, by id. */
  verdicts: Record<string, Verdict>;
}

export interface UndecidedJob {
  job: NewJob;
  queue: number;
  /** Its place, taken when it was prepared. */
  seq: number;
  forced: boolean;
}

/** Transactions and the jobs that wait for them. Mostly there are none: then no question costs a query. */
export class TransactionStore {
  readonly #sql: Sql;
  #any = true;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.recount();
  }

  /** Whether jobs wait for a decision. It follows the rows only after a step. */
  get any(): boolean {
    return this.#any;
  }

  /** To be called when a step that wrote or removed undecided jobs has committed. */
  recount(): void {
    this.#any = this.#sql.all("SELECT 1 AS found FROM undecided LIMIT 1").length > 0;
  }

  find(txn: string): HeldRow | null {
    const row = this.#sql.all<{ phase: Held["phase"]; at: number; since: number; verdicts: string }>(
      "SELECT phase, at, since, verdicts FROM transactions WHERE txn = ?",
      txn,
    )[0];
    if (row === undefined) return null;
    return { held: { phase: row.phase, at: row.at }, since: row.since, verdicts: JSON.parse(row.verdicts) };
  }

  save(txn: string, { held, since, verdicts }: HeldRow): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO transactions (txn, phase, at, since, verdicts) VALUES (?, ?, ?, ?, ?)",
      txn,
      held.phase,
      held.at,
      since,
      JSON.stringify(verdicts),
    );
  }

  forget(txn: string): void {
    this.#sql.run("DELETE FROM transactions WHERE txn = ?", txn);
  }

  /** Transactions whose time has come, and when the next one's does. */
  due(now: number, limit: number): string[] {
    const query = "SELECT txn FROM transactions INDEXED BY transactions_at WHERE at <= ? ORDER BY at LIMIT +?";
    return this.#sql.all<{ txn: string }>(query, now, limit).map(({ txn }) => txn);
  }

  nextAt(): number | null {
    return this.#sql.all<{ at: number | null }>("SELECT min(at) AS at FROM transactions")[0]?.at ?? null;
  }

  /** Some of the transactions that are prepared since before `at`. */
  preparedSince(at: number): string[] {
    const query = "SELECT txn FROM transactions WHERE phase = 'prepared' AND since < ? LIMIT 5";
    return this.#sql.all<{ txn: string }>(query, at).map(({ txn }) => txn);
  }

  hold(txn: string, { job, queue, seq, forced }: UndecidedJob, { idempotency, dedup }: ReservedKeys): void {
    this.#sql.run(
      "INSERT INTO undecided VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      job.id,
      txn,
      seq,
      queue,
      job.orderingKey,
      idempotency?.scope ?? null,
      idempotency?.key ?? null,
      dedup?.scope ?? null,
      dedup?.key ?? null,
      forced ? 1 : 0,
      JSON.stringify(job),
    );
  }

  /** Takes the jobs of a transaction out, in the order in which they were sent. */
  take(txn: string): UndecidedJob[] {
    const rows = this.#sql.all<SqlRow & { job: string; queue: number; seq: number; forced: number }>(
      "SELECT job, queue, seq, forced FROM undecided INDEXED BY undecided_txn WHERE txn = ? ORDER BY seq",
      txn,
    );
    this.#sql.run("DELETE FROM undecided WHERE txn = ?", txn);
    return rows.map((row) => ({ job: JSON.parse(row.job), queue: row.queue, seq: row.seq, forced: row.forced === 1 }));
  }

  /** The transaction that a job waits for, and its queue; null when it is a job, or none. */
  of(id: string): { txn: string; queue: number } | null {
    if (!this.#any) return null;
    return (
      this.#sql.all<{ txn: string; queue: number }>("SELECT txn, queue FROM undecided WHERE id = ?", id)[0] ?? null
    );
  }

  /** Whether an undecided job has one of the keys. */
  reserves(queue: number, { idempotency, dedup }: ReservedKeys): boolean {
    const by = (kind: "idempotency" | "dedup", { scope, key }: ScopedKey) =>
      this.#sql.all(
        `SELECT 1 AS found FROM undecided INDEXED BY undecided_${kind}
         WHERE queue = ? AND ${kind}_scope = ? AND ${kind}_key = ? AND ${kind}_key IS NOT NULL LIMIT 1`,
        queue,
        scope,
        key,
      ).length > 0;
    return (idempotency !== null && by("idempotency", idempotency)) || (dedup !== null && by("dedup", dedup));
  }

  /** Whether an undecided job stands in the line of an ordering key, in front of `seq` (left out: anywhere). */
  standsInLine(queue: number, line: string, seq = Number.MAX_SAFE_INTEGER): boolean {
    if (!this.#any) return false;
    const query = `SELECT 1 AS found FROM undecided INDEXED BY undecided_line
      WHERE queue = ? AND line = ? AND line IS NOT NULL AND seq < ? LIMIT 1`;
    return this.#sql.all(query, queue, line, seq).length > 0;
  }

  /** How many jobs of a queue, or of all, would wait if all were committed. */
  count(queue: number | null = null): number {
    if (!this.#any) return 0;
    const query = "SELECT count(*) AS n FROM undecided WHERE ?1 IS NULL OR queue = ?1";
    return this.#sql.all<{ n: number }>(query, queue)[0]?.n ?? 0;
  }
}
