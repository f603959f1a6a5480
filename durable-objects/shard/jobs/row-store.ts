import type { RowState } from "../../../domain/job/state.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import { BLOCKS, HEAD_COLUMNS, type JobHead, type JobRow, ROW_COLUMNS } from "./job-row.ts";
import { ROW_SIZE } from "./stored-size.ts";

/** What stays of a discarded job until history knows that it is gone. */
export type Tombstone = Pick<JobHead, "queue" | "created_at" | "run_at">;

// Texts that are put together of others are made once: SQLite finds a statement that it has prepared by its text.
const ROW = `SELECT ${ROW_COLUMNS} FROM jobs WHERE id = ? AND state <> 'discarded'`;
const HEAD = `SELECT ${HEAD_COLUMNS} FROM jobs WHERE id = ? AND state <> 'discarded'`;
const HEADS = `SELECT ${HEAD_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))`;
const ROWS = `SELECT ${ROW_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))`;
const NONCES = "SELECT id, lease, begun FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND lease IS NOT NULL";
const UNFINISHED_OF_KEY = `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_key WHERE queue = ? AND ordering_key = ?
  AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')`;
const FIRST_OF_KEY = `${UNFINISHED_OF_KEY} ORDER BY seq LIMIT 1`;
const OPEN_OF_KEY = `${UNFINISHED_OF_KEY} AND blocked & ${BLOCKS.line} = 0 LIMIT 1`;
/** What is asked of a row that is deleted. */
export const GONE_COLUMNS = `id, queue, partition, slot, state, blocked, version, finished_at, ${ROW_SIZE} AS bytes`;

/** Whether the JSON of a row can be read, as SQL: a row of which it cannot never came to history. */
export const IS_READABLE = "json_valid(spec) AND json_valid(attempts) AND (error IS NULL OR json_valid(error))";

/** What a job counted as that is gone, and what it took. */
export type GoneRow = Pick<
  JobHead<RowState>,
  "id" | "queue" | "partition" | "slot" | "state" | "blocked" | "version" | "finished_at"
> & { bytes: number };

const REMOVE = `DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?)) RETURNING ${GONE_COLUMNS}`;

const DUE = `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT +?`;

const DUE_TIMES =
  "SELECT id AS key, due_at AS at FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL ORDER BY due_at LIMIT +?";

/** Statements on the table `jobs` that leave the state of a job as it is (`state-store.ts` has the others); `JobStore` is for whoever asks for jobs. Rows written are said where they are more than the row itself. */
export function rowStore(sql: Sql) {
  const one = (query: string, ...params: (string | number)[]) => sql.all<JobHead>(query, ...params)[0] ?? null;
  return {
    row(id: string): JobRow | null {
      return sql.all<JobRow>(ROW, id)[0] ?? null;
    },

    head(id: string): JobHead | null {
      return one(HEAD, id);
    },

    /** The rows of these jobs, discarded ones included: history has to be told of those too. */
    rows(ids: readonly string[]): JobRow<RowState>[] {
      return sql.all<JobRow<RowState>>(ROWS, JSON.stringify(ids));
    },

    /** The nonce of the last claim of each of these jobs, by job id: leases are made of it. And whether it was begun (`BEGUN`). */
    nonces(ids: readonly string[]): Map<string, { nonce: string; begun: number }> {
      const rows = sql.all<{ id: string; lease: string; begun: number }>(NONCES, JSON.stringify(ids));
      return new Map(rows.map(({ id, lease: nonce, begun }) => [id, { nonce, begun }]));
    },

    /** Writes another payload and the spec that goes with it, which `save` does not write. */
    replacePayload(id: string, payload: string, spec: string): void {
      sql.run("UPDATE jobs SET payload = ?, spec = ? WHERE id = ?", payload, spec, id);
    },

    /** Deletes rows of jobs, whatever they are. */
    remove(ids: readonly string[]): GoneRow[] {
      return sql.all<GoneRow & SqlRow>(REMOVE, JSON.stringify(ids));
    },

    /** Jobs of a queue in the order of their ids, discarded ones too. */
    ofQueue(queue: number, limit: number): string[] {
      return sql
        .all<{ id: string }>(
          "SELECT id FROM jobs INDEXED BY jobs_by_queue WHERE queue = ? ORDER BY id LIMIT +?",
          queue,
          limit,
        )
        .map(({ id }) => id);
    },

    setSpec(id: string, spec: string): void {
      sql.run("UPDATE jobs SET spec = ? WHERE id = ?", spec, id);
    },

    /** The earliest unfinished job of an ordering key. */
    firstOfKey(queue: number, key: string): JobHead | null {
      return one(FIRST_OF_KEY, queue, key);
    },

    /** The job of an ordering key whose turn it is. Reads the whole line: for redrive and explain only. */
    openOfKey(queue: number, key: string): JobHead | null {
      return one(OPEN_OF_KEY, queue, key);
    },

    /** Writes what holds the job back, and nothing else. */
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

    /** What the long texts of jobs take, by id: their payloads, and their attempts where these are asked for. */
    textBytes(ids: readonly string[], { allAttempts }: { allAttempts: boolean }): Map<string, number> {
      const rows = sql.all<{ id: string; bytes: number }>(
        `SELECT id, octet_length(payload) + iif(?2, octet_length(attempts), 0) AS bytes FROM jobs
         WHERE id IN (SELECT value FROM json_each(?1))`,
        JSON.stringify(ids),
        allAttempts ? 1 : 0,
      );
      return new Map(rows.map(({ id, bytes }) => [id, bytes]));
    },

    /** What the row of a job takes, a discarded one's too; 0 when there is none. */
    sizeOf(id: string): number {
      return sql.all<{ bytes: number }>(`SELECT ${ROW_SIZE} AS bytes FROM jobs WHERE id = ?`, id)[0]?.bytes ?? 0;
    },

    /** How many jobs of a limited partition run. Reads at most as many rows as the limit allows to run. */
    runningUnderLimit(queue: number, partition: number): number {
      const row = sql.all<{ n: number }>(
        "SELECT count(*) AS n FROM jobs INDEXED BY jobs_counted WHERE queue = ? AND partition = ? AND counts_toward_limit = 1",
        queue,
        partition,
      )[0];
      return row?.n ?? 0;
    },

    /** Counts every running job of a queue under its new limit. Reads the jobs of the queue, whose change this is, and no others. */
    countRunning(queue: number): void {
      sql.run(
        `UPDATE jobs INDEXED BY jobs_by_queue SET counts_toward_limit = 1
         WHERE queue = ? AND state = 'running' AND counts_toward_limit = 0`,
        queue,
      );
    },

    /** What the clock has to act on, soonest first. */
    due(now: number, limit: number): JobHead[] {
      return sql.all<JobHead>(DUE, now, limit);
    },

    /** Queued jobs of a queue, at most `limit`: blocked ones first, because the end of a head would open the next. */
    queuedIds(queue: number, limit: number): string[] {
      const ids = new Set<string>();
      for (const where of [
        `INDEXED BY jobs_key WHERE queue = ? AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')
           AND state = 'queued' AND blocked = 1`,
        "INDEXED BY jobs_blocked WHERE queue = ? AND state = 'queued' AND blocked > 1",
        "INDEXED BY jobs_ready WHERE queue = ? AND state = 'queued' AND blocked = 0",
      ]) {
        if (ids.size >= limit) break;
        for (const { id } of sql.all<{ id: string }>(`SELECT id FROM jobs ${where} LIMIT +?`, queue, limit))
          ids.add(id);
      }
      return [...ids].slice(0, limit);
    },

    /** The states of a queue's jobs above the id `after`, in the order of their ids. */
    statesAfter(queue: number, after: string, limit: number): { id: string; state: RowState }[] {
      return sql.all<{ id: string; state: RowState }>(
        "SELECT id, state FROM jobs INDEXED BY jobs_by_queue WHERE queue = ? AND id > ? ORDER BY id LIMIT +?",
        queue,
        after,
        limit,
      );
    },

    /** These jobs without their long columns, discarded ones too, in any order. */
    heads(ids: readonly string[]): JobHead<RowState>[] {
      return sql.all<JobHead<RowState>>(HEADS, JSON.stringify(ids));
    },

    /** Which of these the shard has a row of, discarded ones too. */
    existing(ids: readonly string[]): string[] {
      return sql
        .all<{ id: string }>("SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids))
        .map(({ id }) => id);
    },

    /** What stays of a discarded job until history knows that it is gone; null when it was not discarded. */
    discarded(id: string): Tombstone | null {
      const query = "SELECT queue, created_at, run_at FROM jobs WHERE id = ? AND state = 'discarded'";
      return sql.all<Tombstone>(query, id)[0] ?? null;
    },

    nextDueAt(): number | null {
      return (
        sql.all<{ at: number | null }>("SELECT min(due_at) AS at FROM jobs WHERE due_at IS NOT NULL")[0]?.at ?? null
      );
    },
  };
}

export type RowStore = ReturnType<typeof rowStore>;

export const JOB_TABLE = new Part("rows of jobs", ({ sql }) => rowStore(sql));

/** The jobs of the soonest deadlines, and when these are. Asked while some are set aside. */
export function dueTimes(sql: Sql, limit: number): { key: string; at: number }[] {
  return sql.all<{ key: string; at: number }>(DUE_TIMES, limit);
}

/** How many of these jobs are ready ones of a queue. */
export function readyAmong(sql: Sql, queue: number, ids: readonly string[]): number {
  const query = `SELECT count(*) AS n FROM jobs WHERE id IN (SELECT value FROM json_each(?))
    AND queue = ? AND state = 'queued' AND blocked = 0`;
  return sql.all<{ n: number }>(query, JSON.stringify(ids), queue)[0]?.n ?? 0;
}
