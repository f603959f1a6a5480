import type { AttemptWarning } from "../../../domain/job/job.ts";
import { fromStates, sqlStates, TRANSITIONS } from "../../../domain/job/transition.ts";
import { inChunks } from "../../chunks.ts";
import type { Sql, SqlRow, SqlValue } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { JobKey, SucceededJob } from "./job-change.ts";
import { ITEM_COLUMNS, type JobHead, type JobRow, ROW_COLUMNS } from "./job-row.ts";
import { GONE_COLUMNS, type GoneRow, IS_READABLE } from "./row-store.ts";

/** The columns that a submission sets; the rest have defaults. */
export type NewRow = Pick<
  JobHead,
  | "id"
  | "queue"
  | "partition"
  | "slot"
  | "seq"
  | "rank"
  | "blocked"
  | "priority"
  | JobKey
  | "due_at"
  | "timeout_ms"
  | "created_at"
  | "run_at"
  | "expires_at"
  | "spec"
> & { state: "scheduled" | "queued"; payload: string };

/** How an attempt starts. Times in ms; see `start`. */
export interface Start {
  now: number;
  leaseMs: number | null;
  graceMs: number;
  lease: string;
  worker: string | null;
  countsTowardLimit: 0 | 1;
  /** What is known of the worker: a value of `BEGUN`. */
  begun: number;
}

/** What every caller of `start` needs back. */
export interface StartedRow extends SqlRow {
  id: string;
  due_at: number | null;
}

export interface Success {
  id: string;
  delivery: number;
  nonce: string;
  result: string | null;
  truncated: boolean;
  /** What the attempt has to say all the same; null: nothing. */
  warning: AttemptWarning | null;
}

/** Of each started job: the whole row, or what an executor needs of it. */
export type Returning = "row" | "item";

/** Texts that are put together of others are made once: SQLite finds a statement that it has prepared by its text. */
const STARTS: Record<Returning, string> = { row: startReturning(ROW_COLUMNS), item: startReturning(ITEM_COLUMNS) };

function startReturning(columns: string): string {
  return `UPDATE jobs SET state = '${TRANSITIONS.claim.to}', version = version + 1, attempt = attempt + 1, lease = ?2, worker = ?3, counts_toward_limit = ?4,
      begun = ?8,
      attempt_at = ?5, started_at = coalesce(started_at, ?5), attempt_ends_at = ?5 + timeout_ms + ?7,
      lease_ends_at = ?5 + coalesce(?6, timeout_ms),
      due_at = ?5 + min(coalesce(?6, timeout_ms), timeout_ms + ?7)
    WHERE id IN (SELECT value FROM json_each(?1)) AND state ${sqlStates(fromStates("claim"))} AND (expires_at IS NULL OR expires_at > ?5)
    RETURNING ${columns}`;
}

/** The column `error` of a succeeded job has the warning of its last attempt: no column, and no byte where there is none. */
const SUCCEED = `WITH done AS MATERIALIZED (SELECT jsonb(value) AS d FROM json_each(?1))
  UPDATE jobs SET state = '${TRANSITIONS.succeed.to}', version = version + 1, result = d ->> 3, truncated = d ->> 4, error = d ->> 5,
    finished_at = ?2, due_at = NULL, counts_toward_limit = 0
  FROM done WHERE id = d ->> 0 AND attempt + returned = d ->> 1 AND lease = d ->> 2 AND state ${sqlStates(fromStates("succeed"))} AND due_at > ?2
    AND (?3 IS NULL OR queue IN (SELECT ref FROM queues WHERE namespace = ?3))
  RETURNING id, queue, partition, slot, ordering_key, concurrency_key, dedup_key, version, created_at`;

const DISCARD = `UPDATE jobs SET state = '${TRANSITIONS.discard.to}', version = ?, blocked = 0, counts_toward_limit = 0, due_at = NULL, attempt = 0,
    spent_before = 0, lease = NULL, worker = NULL, attempt_at = NULL, attempt_ends_at = NULL, lease_ends_at = NULL,
    started_at = NULL, finished_at = ?, expires_at = NULL, ordering_key = NULL, concurrency_key = NULL,
    dedup_key = NULL, fingerprint = NULL, spec = ?, error = NULL, attempts = '[]', truncated = 0, result = NULL,
    returned = 0, begun = 1, returns = NULL,
    payload = 'null' WHERE id = ?`;

const FORGET = `DELETE FROM jobs WHERE (id, version) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
  RETURNING ${GONE_COLUMNS}, (${IS_READABLE}) AS readable`;

/**
 * Every statement that writes the state of a job; `transition.ts` alone runs them. Those that move many take the states
 * from and to which they move them from the graph. Rows written are said where they are more
 * than the row itself.
 */
function stateStore(sql: Sql) {
  return {
    /**
     * Inserts jobs, a few statements for any number of them; answers the ids that were not there before: the others
     * were submitted twice. +1 row for each that is ready, due or keyed.
     */
    insert(rows: NewRow[]): Set<string> {
      return insertJobs(sql, rows);
    },

    /** Writes what a change may change. What a submission fixed stays, and a result is written by `succeed` alone. */
    save(row: JobHead): void {
      sql.run(
        `UPDATE jobs SET state = ?, blocked = ?, counts_toward_limit = ?, due_at = ?, version = ?, attempt = ?, spent_before = ?, lease = ?,
           worker = ?, attempt_at = ?, attempt_ends_at = ?, lease_ends_at = ?, run_at = ?, started_at = ?, finished_at = ?,
           expires_at = ?, error = ?, attempts = ?, fingerprint = ?, returned = ?, begun = ?, returns = ? WHERE id = ?`,
        row.state,
        row.blocked,
        row.counts_toward_limit,
        row.due_at,
        row.version,
        row.attempt,
        row.spent_before,
        row.lease,
        row.worker,
        row.attempt_at,
        row.attempt_ends_at,
        row.lease_ends_at,
        row.run_at,
        row.started_at,
        row.finished_at,
        row.expires_at,
        row.error,
        row.attempts,
        row.fingerprint,
        row.returned,
        row.begun,
        row.returns,
        row.id,
      );
    },

    /**
     * Starts an attempt of each of `ids`, all of which are ready: running, under `lease`, whose end is the sooner of
     * `leaseMs` (null: the job's timeout) and the timeout plus `graceMs`. +1 row (due), +1 where `countsTowardLimit`.
     * Answers what the caller hands out of each row, in no promised order.
     */
    start<Row extends StartedRow>(ids: string[], claim: Start, returning: Returning): Row[] {
      return sql.all<Row>(
        STARTS[returning],
        JSON.stringify(ids),
        claim.lease,
        claim.worker,
        claim.countsTowardLimit,
        claim.now,
        claim.leaseMs,
        claim.graceMs,
        claim.begun,
      );
    },

    /**
     * Records successes, each where its lease is the current one and has not ended: fence and effect in one
     * statement. Answers those that were recorded; the fence refused the others. `namespace` null is any.
     */
    succeed(done: Success[], now: number, namespace: string | null): SucceededJob[] {
      const rows = done.map(({ id, delivery, nonce, result, truncated, warning }) => [
        id,
        delivery,
        nonce,
        result,
        truncated ? 1 : 0,
        ...(warning === null ? [] : [JSON.stringify(warning)]),
      ]);
      return inChunks(rows).flatMap((chunk) => sql.all<SucceededJob & SqlRow>(SUCCEED, chunk, now, namespace));
    },

    /** Empties the row of a final job. Its id, queue and place stay, so that an older copy of it is never believed. */
    discard({ id, version }: JobHead, { spec, now }: { spec: string; now: number }): void {
      sql.run(DISCARD, version + 1, now, spec, id);
    },

    /**
     * Deletes finished jobs, and answers them. One that was redriven since has another version and stays. Throws over one that
     * cannot be read: history does not have it.
     */
    forget(jobs: readonly [id: string, version: number][]): GoneRow[] {
      const gone = sql.all<GoneRow & SqlRow & { readable: number }>(FORGET, JSON.stringify(jobs));
      const lost = gone.find(({ readable }) => readable !== 1);
      if (lost !== undefined) throw new Error(`${lost.id} cannot be read, and history does not have it`);
      return gone;
    },

    /** Writes the row of a final job that history alone still had. As many rows as a submission. */
    restore(row: JobRow): void {
      const columns = ROW_COLUMNS.split(",").map((column) => column.trim());
      const places = columns.map(() => "?").join(", ");
      sql.run(
        `INSERT INTO jobs (${columns.join(", ")}) VALUES (${places})`,
        ...columns.map((column) => row[column] ?? null),
      );
    },
  };
}

export const STATES = new Part("states of jobs", ({ sql }) => stateStore(sql));

/** What the jobs of one request mostly have in common is bound once; what each has to itself comes as an array. */
const INSERT = `INSERT INTO jobs (id, seq, rank, payload, queue, partition, slot, state, blocked, priority, ordering_key, concurrency_key,
    dedup_key, due_at, timeout_ms, created_at, run_at, expires_at, spec)
  SELECT r ->> 0, r ->> 1, r ->> 2, r ->> 3, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
  FROM (SELECT jsonb(value) AS r FROM json_each(?1) LIMIT -1) WHERE true ON CONFLICT (id) DO NOTHING RETURNING id`;

/** Inserts new jobs, a few statements for any number of them; answers the ids that were not there before. */
function insertJobs(sql: Sql, rows: NewRow[]): Set<string> {
  const inserted = new Set<string>();
  for (const { shared, rows: group } of alike(rows)) {
    for (const chunk of inChunks(group.map(({ id, seq, rank, payload }) => [id, seq, rank, payload]))) {
      for (const { id } of sql.all<{ id: string }>(INSERT, chunk, ...shared)) inserted.add(id);
    }
  }
  return inserted;
}

function sharedCells(row: NewRow): SqlValue[] {
  return [
    row.queue,
    row.partition,
    row.slot,
    row.state,
    row.blocked,
    row.priority,
    row.ordering_key,
    row.concurrency_key,
    row.dedup_key,
    row.due_at,
    row.timeout_ms,
    row.created_at,
    row.run_at,
    row.expires_at,
    row.spec,
  ];
}

/** Neighbours that share all but id, sequence, rank and payload. */
function alike(rows: NewRow[]): { shared: SqlValue[]; rows: NewRow[] }[] {
  const groups: { shared: SqlValue[]; rows: NewRow[] }[] = [];
  for (const row of rows) {
    const shared = sharedCells(row);
    const last = groups.at(-1);
    if (last?.shared.every((cell, i) => cell === shared[i])) last.rows.push(row);
    else groups.push({ shared, rows: [row] });
  }
  return groups;
}
