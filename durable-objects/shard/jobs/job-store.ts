import type { RowState } from "../../../domain/job/state.ts";
import { inChunks } from "../../chunks.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { BLOCKS, HEAD_COLUMNS, type JobHead, type JobRow, ROW_COLUMNS } from "../rows.ts";
import { insertJobs } from "./job-insert.ts";

/** Columns a submission sets; the rest have defaults. */
export interface NewRow {
  id: string;
  queue: number;
  partition: number;
  seq: number;
  rank: number;
  state: "scheduled" | "queued";
  blocked: number;
  priority: number;
  orderingKey: string | null;
  concurrencyKey: string | null;
  dedupKey: string | null;
  dueAt: number | null;
  timeoutMs: number;
  createdAt: number;
  runAt: number;
  expiresAt: number | null;
  spec: string;
  payload: string;
}

/** How an attempt starts. Times in ms; see `start`. */
export interface Start {
  now: number;
  leaseMs: number | null;
  graceMs: number;
  lease: string;
  worker: string | null;
  held: 0 | 1;
}

/** What every caller of `start` needs back. */
export interface StartedRow extends SqlRow {
  id: string;
  due_at: number | null;
}

export interface Success {
  id: string;
  attempt: number;
  nonce: string;
  result: string | null;
  truncated: boolean;
}

export type Succeeded = Pick<
  JobHead,
  "id" | "queue" | "ordering_key" | "concurrency_key" | "dedup_key" | "version" | "created_at"
>;

/** Every statement on `jobs`, named. Rows written are said where they are more than the row itself. */
export function jobStore(sql: Sql) {
  const one = (query: string, ...params: (string | number)[]) => sql.all<JobHead>(query, ...params)[0] ?? null;
  return {
    /**
     * Inserts jobs, a few statements for any number of them; answers the ids that were not there before: the others
     * were submitted twice. +1 row for each that is ready, due or keyed.
     */
    insert(rows: NewRow[]): Set<string> {
      return insertJobs(sql, rows);
    },

    row(id: string): JobRow | null {
      return sql.all<JobRow>(`SELECT ${ROW_COLUMNS} FROM jobs WHERE id = ? AND state <> 'discarded'`, id)[0] ?? null;
    },

    head(id: string): JobHead | null {
      return one(`SELECT ${HEAD_COLUMNS} FROM jobs WHERE id = ? AND state <> 'discarded'`, id);
    },

    /** Discarded ones too: for history. */
    rows(ids: string[]): JobRow<RowState>[] {
      return sql.all<JobRow<RowState>>(
        `SELECT ${ROW_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))`,
        JSON.stringify(ids),
      );
    },

    /** Writes what a change may change. What a submission fixed stays, and a result is written by `succeed` alone. */
    save(row: JobHead): void {
      sql.run(
        `UPDATE jobs SET state = ?, blocked = ?, held = ?, due_at = ?, version = ?, attempt = ?, spent_before = ?, lease = ?,
           worker = ?, attempt_at = ?, attempt_ends_at = ?, lease_ends_at = ?, run_at = ?, started_at = ?, finished_at = ?,
           expires_at = ?, error = ?, attempts = ?, fingerprint = ? WHERE id = ?`,
        row.state,
        row.blocked,
        row.held,
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
        row.id,
      );
    },

    /** What `save` leaves: another payload, and the spec that goes with it. */
    replacePayload(id: string, payload: string, spec: string): void {
      sql.run("UPDATE jobs SET payload = ?, spec = ? WHERE id = ?", payload, spec, id);
    },

    setSpec(id: string, spec: string): void {
      sql.run("UPDATE jobs SET spec = ? WHERE id = ?", spec, id);
    },

    /** The earliest unfinished job of an ordering key. */
    firstOfKey(queue: number, key: string): JobHead | null {
      return one(
        `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_key WHERE queue = ? AND ordering_key = ?
           AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') ORDER BY seq LIMIT 1`,
        queue,
        key,
      );
    },

    /** The job of an ordering key whose turn it is. Reads the whole line: for redrive and explain only. */
    openOfKey(queue: number, key: string): JobHead | null {
      return one(
        `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_key WHERE queue = ? AND ordering_key = ?
           AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') AND blocked & ${BLOCKS.line} = 0 LIMIT 1`,
        queue,
        key,
      );
    },

    /** Only what holds it back: its standing among jobs that wait has changed. */
    setBlocked(id: string, blocked: number): void {
      sql.run("UPDATE jobs SET blocked = ? WHERE id = ?", blocked, id);
    },

    /** The partitions of a queue that have ready jobs: one index seek each, however long their lines. */
    readyPartitions(queue: number): number[] {
      const partitions: number[] = [];
      for (let last = -1; ; ) {
        const next = sql.all<{ partition: number | null }>(
          `SELECT min(partition) AS partition FROM jobs INDEXED BY jobs_ready
           WHERE queue = ? AND partition > ? AND state = 'queued' AND blocked = 0`,
          queue,
          last,
        )[0]?.partition;
        if (next === null || next === undefined) return partitions;
        partitions.push(next);
        last = next;
      }
    },

    /** The best ready jobs of a partition, from the index alone. */
    ready(queue: number, partition: number, limit: number): { id: string; rank: number }[] {
      return sql.all(
        `SELECT id, rank FROM jobs INDEXED BY jobs_ready
         WHERE queue = ? AND partition = ? AND state = 'queued' AND blocked = 0 ORDER BY rank LIMIT +?`,
        queue,
        partition,
        limit,
      );
    },

    /** The concurrency keys of jobs, by id; those without one are left out. */
    concurrencyKeys(ids: string[]): Map<string, string> {
      const rows = sql.all<{ id: string; key: string }>(
        `SELECT id, concurrency_key AS key FROM jobs WHERE id IN (SELECT value FROM json_each(?))
           AND concurrency_key IS NOT NULL`,
        JSON.stringify(ids),
      );
      return new Map(rows.map(({ id, key }) => [id, key]));
    },

    /** The sizes of payloads, by id. */
    payloadBytes(ids: string[]): Map<string, number> {
      const rows = sql.all<{ id: string; bytes: number }>(
        "SELECT id, octet_length(payload) AS bytes FROM jobs WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify(ids),
      );
      return new Map(rows.map(({ id, bytes }) => [id, bytes]));
    },

    /** How many jobs of a limited partition run. Reads at most as many rows as the limit allows to run. */
    held(queue: number, partition: number): number {
      const row = sql.all<{ n: number }>(
        "SELECT count(*) AS n FROM jobs INDEXED BY jobs_held WHERE queue = ? AND partition = ? AND held = 1",
        queue,
        partition,
      )[0];
      return row?.n ?? 0;
    },

    /** Counts every running job of a queue under its new limit. */
    holdRunning(queue: number): void {
      sql.run(
        "UPDATE jobs SET held = 1 WHERE due_at IS NOT NULL AND queue = ? AND state = 'running' AND held = 0",
        queue,
      );
    },

    /**
     * Starts an attempt of each of `ids`, all of which are ready: running, under `lease`, whose end is the
     * sooner of `leaseMs` (null: the job's timeout) and the timeout plus `graceMs`. +1 row (due), +1 where `held`.
     * Answers the columns that the caller hands out, in no promised order.
     */
    start<Row extends StartedRow>(ids: string[], claim: Start, columns: string): Row[] {
      return sql.all<Row>(
        `UPDATE jobs SET state = 'running', version = version + 1, attempt = attempt + 1, lease = ?2, worker = ?3, held = ?4,
           attempt_at = ?5, started_at = coalesce(started_at, ?5), attempt_ends_at = ?5 + timeout_ms + ?7,
           lease_ends_at = ?5 + coalesce(?6, timeout_ms),
           due_at = ?5 + min(coalesce(?6, timeout_ms), timeout_ms + ?7)
         WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'queued' AND (expires_at IS NULL OR expires_at > ?5)
         RETURNING ${columns}`,
        JSON.stringify(ids),
        claim.lease,
        claim.worker,
        claim.held,
        claim.now,
        claim.leaseMs,
        claim.graceMs,
      );
    },

    /**
     * Records successes, each where its lease is the current one and has not ended: fence and effect in one
     * statement. Answers those that were recorded; the fence refused the others. `namespace` null is any.
     */
    succeed(done: Success[], now: number, namespace: string | null): Succeeded[] {
      const rows = done.map(({ id, attempt, nonce, result, truncated }) => [
        id,
        attempt,
        nonce,
        result,
        truncated ? 1 : 0,
      ]);
      return inChunks(rows).flatMap((chunk) =>
        sql.all<Succeeded>(
          `WITH done AS MATERIALIZED (SELECT jsonb(value) AS d FROM json_each(?1))
           UPDATE jobs SET state = 'succeeded', version = version + 1, result = d ->> 3, truncated = d ->> 4, error = NULL,
             finished_at = ?2, due_at = NULL, held = 0
           FROM done WHERE id = d ->> 0 AND attempt = d ->> 1 AND lease = d ->> 2 AND state = 'running' AND due_at > ?2
             AND (?3 IS NULL OR queue IN (SELECT ref FROM queues WHERE namespace = ?3))
           RETURNING id, queue, ordering_key, concurrency_key, dedup_key, version, created_at`,
          chunk,
          now,
          namespace,
        ),
      );
    },

    /** What the clock has to act on, soonest first. */
    due(now: number, limit: number): JobHead[] {
      return sql.all<JobHead>(
        `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT +?`,
        now,
        limit,
      );
    },

    nextDueAt(): number | null {
      return (
        sql.all<{ at: number | null }>("SELECT min(due_at) AS at FROM jobs WHERE due_at IS NOT NULL")[0]?.at ?? null
      );
    },

    /** Deletes finished jobs: a JSON array of [id, version]. One that was redriven since has another version and stays. */
    forget(jobs: string): void {
      sql.run("DELETE FROM jobs WHERE (id, version) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))", jobs);
    },
  };
}

export type JobStore = ReturnType<typeof jobStore>;
