import { and, eq, ne, sql } from "drizzle-orm";
import type { Attempt, Job } from "../../domain/job/job.ts";
import { firstJobIdAt } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import type { Forgettable } from "./history-filter.ts";
import { findInPages, pageOfJobQuery } from "./history-pages.ts";
import type { PageRow } from "./page-rows.ts";
import { idOfQueue } from "./queues.ts";
import { historyCounts, jobs } from "./schema.ts";

/** A finished job as history has it. */
export type JobRow = typeof jobs.$inferSelect;

/** Not deleted: a deleted job's row is a tombstone, emptied, until retention ends. */
const kept = ne(jobs.state, "discarded");

/** One finished job with everything in it, or none. Rows for `jobFrom`. */
export function jobQuery(db: Db, namespace: string, id: string) {
  return db
    .select()
    .from(jobs)
    .where(and(eq(jobs.namespace, namespace), eq(jobs.id, id), kept))
    .limit(1);
}

/** One finished job with everything in it, or null. */
export async function findJob(db: Db, namespace: string, id: string): Promise<Job | null> {
  const [rows, pages] = await db.batch([jobQuery(db, namespace, id), pageOfJobQuery(db, namespace, id)]);
  return jobFrom(rows, pages, id);
}

/** The job that both queries of one moment have found, or null: one at most has it. */
export function jobFrom(rows: readonly JobRow[], pages: readonly PageRow[], id: string): Promise<Job | null> | Job {
  const [row] = rows;
  return row === undefined ? findInPages(pages, id) : toJob(row);
}

/** Succeeded jobs of a queue in history: one row, which is kept as they come and go. `queueId` as in `HistoryFilter`. */
export async function countSucceeded(
  db: Db,
  { namespace, queue, queueId }: { namespace: string; queue: string; queueId?: string },
): Promise<number> {
  const rows = await db
    .select({ succeeded: historyCounts.succeeded })
    .from(historyCounts)
    .where(
      and(
        eq(historyCounts.namespace, namespace),
        sql`${historyCounts.queue} = ${queueId ?? idOfQueue(namespace, queue)}`,
      ),
    );
  return rows[0]?.succeeded ?? 0;
}

/** Forgets up to `limit` of the oldest jobs of one queue that have rows, and takes those that succeeded off its count; answers how many went. */
export async function forgetJobs(db: Db, what: Forgettable, limit: number): Promise<number> {
  const { namespace, queue, finishedBefore, createdBefore, keptBefore } = what;
  // A job is made before it finishes: the smaller bound keeps the walk over the index short. The index is named because the
  // planner would rather walk the whole namespace.
  const newest = firstJobIdAt(Math.min(createdBefore, finishedBefore));
  const old = sql`(SELECT id, state FROM jobs INDEXED BY jobs_by_queue
    WHERE namespace = ${namespace} AND queue = ${queue} AND id < ${newest} AND finished_at < ${finishedBefore}
      AND coalesce(json_extract(record, '$.keptUntil'), 0) < ${keptBefore} ORDER BY id LIMIT ${limit})`;
  const { succeeded } = historyCounts;
  // Counted before they go, in one transaction.
  const [, gone] = await db.batch([
    db
      .update(historyCounts)
      .set({ succeeded: sql`${succeeded} - (SELECT count(*) FROM ${old} WHERE state = 'succeeded')` })
      .where(and(eq(historyCounts.namespace, namespace), eq(historyCounts.queue, queue), sql`EXISTS ${old}`)),
    db
      .delete(jobs)
      .where(and(eq(jobs.namespace, namespace), sql`${jobs.id} IN (SELECT id FROM ${old})`))
      .returning({ id: jobs.id }),
  ]);
  return gone.length;
}

/** The row's `record` is this repository's own JSON: a Job without payload, result and attempts. */
export function toJob(row: Pick<JobRow, "record" | "payload" | "result" | "attempts">): Job {
  const record = JSON.parse(row.record) as Omit<Job, "payload" | "result" | "attempts">;
  const attempts = JSON.parse(row.attempts) as Attempt[];
  return { ...record, payload: row.payload, result: row.result, attempts };
}
