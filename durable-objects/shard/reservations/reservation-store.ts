import type { NewJob, Verdict } from "../../../contract/rpc.ts";
import { parseJobId, slotOfJob } from "../../../domain/job-id.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { countsEqualRows, keptCounts } from "../kernel/kept-counts.ts";
import { Part, type Parts, type StepScope } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";
import { keysOf, type ReservedKeys, type ScopedKey } from "./reserved-keys.ts";

/** A job that is put aside until its transaction is decided. `queue` is the ref of its queue here. */
export interface UndecidedJob {
  job: NewJob;
  queue: number;
  /** Its place, taken when it was prepared. */
  seq: number;
  forced: boolean;
}

/** The jobs that wait for transactions, with what they reserve. Mostly there are none: then no question costs a query. */
export class ReservationStore {
  readonly #sql: Sql;
  readonly #presence: Presence;

  constructor(sql: Sql, presence: Presence) {
    this.#sql = sql;
    this.#presence = presence;
  }

  /** Whether jobs may wait for a decision. */
  get any(): boolean {
    return this.#presence.any;
  }

  /** Puts a job aside until the decision. 2 rows, and one for each of its keys. */
  hold(step: Parts, txn: string, { job, queue, seq, forced, verdict }: UndecidedJob & { verdict: Verdict }): void {
    const { idempotency, dedup } = keysOf(job);
    this.#presence.raise();
    step.get(UNDECIDED_COUNTS).add(queue, 1);
    this.#sql.run(
      `INSERT INTO undecided (slot, id, txn, seq, queue, line, idempotency_scope, idempotency_key, dedup_scope, dedup_key,
         forced, verdict, job) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      slotOfJob(job.id),
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
      JSON.stringify(verdict),
      JSON.stringify(job),
    );
  }

  /** Keeps the verdict of a job that waits for nothing, because an earlier one has answered. 2 rows. */
  holdVerdict(txn: string, { id, queue }: { id: string; queue: number }, verdict: Verdict): void {
    this.#presence.raise();
    this.#sql.run(
      "INSERT INTO undecided (slot, id, txn, seq, queue, forced, verdict) VALUES (?, ?, ?, 0, ?, 0, ?)",
      slotOfJob(id),
      id,
      txn,
      queue,
      JSON.stringify(verdict),
    );
  }

  /** Takes the jobs of a transaction out, in the order in which they were sent. Its verdicts go with them. */
  take(step: StepScope & Parts, txn: string): UndecidedJob[] {
    const rows = this.#sql.all<SqlRow & { job: string; queue: number; seq: number; forced: number }>(
      "SELECT job, queue, seq, forced FROM undecided INDEXED BY undecided_txn WHERE txn = ? AND job IS NOT NULL ORDER BY seq",
      txn,
    );
    this.#sql.run("DELETE FROM undecided WHERE txn = ?", txn);
    this.#presence.recheck(step);
    for (const { queue } of rows) step.get(UNDECIDED_COUNTS).add(queue, -1);
    return rows.map((row) => ({ job: JSON.parse(row.job), queue: row.queue, seq: row.seq, forced: row.forced === 1 }));
  }

  /** What the jobs of a transaction that is prepared would have been answered, by id. */
  verdicts(txn: string): Map<string, Verdict> {
    const query = "SELECT id, verdict FROM undecided INDEXED BY undecided_txn WHERE txn = ?";
    const rows = this.#sql.all<{ id: string; verdict: string }>(query, txn);
    return new Map(rows.map(({ id, verdict }) => [id, JSON.parse(verdict) as Verdict]));
  }

  /** The transaction that a job waits for, and its queue; null when it is a job, or none. */
  of(id: string): { txn: string; queue: number } | null {
    const slot = this.any ? parseJobId(id)?.slot : undefined;
    if (slot === undefined) return null;
    const query = "SELECT txn, queue FROM undecided WHERE slot = ? AND id = ? AND job IS NOT NULL";
    return this.#sql.all<{ txn: string; queue: number }>(query, slot, id)[0] ?? null;
  }

  /** Whether a transaction has prepared a job of this id, be it that its verdict alone is kept. */
  has(id: string): boolean {
    if (!this.any) return false;
    return this.#sql.all("SELECT 1 AS found FROM undecided WHERE slot = ? AND id = ?", slotOfJob(id), id).length > 0;
  }

  /** Whether an undecided job has one of the keys. */
  reserves(queue: number, { idempotency, dedup }: ReservedKeys): boolean {
    if (!this.any) return false;
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
  isInLine(queue: number, line: string, seq = Number.MAX_SAFE_INTEGER): boolean {
    if (!this.any) return false;
    const query = `SELECT 1 AS found FROM undecided INDEXED BY undecided_line
      WHERE queue = ? AND line = ? AND line IS NOT NULL AND seq < ? LIMIT 1`;
    return this.#sql.all(query, queue, line, seq).length > 0;
  }

  /** Forgets the jobs of a queue, whatever becomes of their transactions; answers how many. */
  forgetQueue(step: StepScope & Parts, queue: number): number {
    if (!this.any) return 0;
    this.#presence.recheck(step);
    const gone = this.#sql.all<{ waits: number }>(
      "DELETE FROM undecided WHERE queue = ? RETURNING job IS NOT NULL AS waits",
      queue,
    );
    step.get(UNDECIDED_COUNTS).add(queue, -gone.filter(({ waits }) => waits === 1).length);
    return gone.length;
  }
}

/** Whether any job waits for a decision. */
export const ANY_RESERVATION = new Part("any reservation", ({ sql }) => new Presence(sql, "undecided"));

/** How many jobs of each queue would wait if all transactions were committed. */
export const UNDECIDED_COUNTS = keptCounts("counts of undecided jobs", ({ sql }) =>
  sql.all<{ key: number; n: number }>(
    "SELECT queue AS key, count(*) AS n FROM undecided WHERE job IS NOT NULL GROUP BY queue",
  ),
);

export const UNDECIDED_AUDIT = countsEqualRows("undecided-equals-rows", UNDECIDED_COUNTS, {
  name: "undecided jobs",
  rows: ({ sql }, limit) =>
    sql.all<{ key: number; n: number }>(
      `SELECT queue AS key, count(*) AS n
       FROM (SELECT queue FROM undecided WHERE job IS NOT NULL LIMIT +?1) GROUP BY queue`,
      limit,
    ),
});

export const RESERVATIONS = new Part(
  "reservations",
  (shard) => new ReservationStore(shard.sql, shard.get(ANY_RESERVATION)),
);
