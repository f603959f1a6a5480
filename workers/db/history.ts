import { and, count, desc, eq, gt, gte, inArray, lt, ne, type SQL, sql } from "drizzle-orm";
import type { Attempt, Job } from "../../domain/job/job.ts";
import type { JobState } from "../../domain/job/state.ts";
import { firstJobIdAt } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import { jobs } from "./schema.ts";

type JobRow = typeof jobs.$inferSelect;

/** Not deleted: a deleted job's row is a tombstone, emptied, until retention ends. */
const kept = ne(jobs.state, "discarded");

/** Which finished jobs a list wants. The bounds on the creation time are both exclusive, as the shards have them. */
export interface HistoryFilter {
  namespace: string;
  queue: string | null;
  state: JobState | null;
  tag: string | null;
  orderingKey: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

/** One finished job with everything in it, or none. Rows for `toJob`. */
export function jobQuery(db: Db, namespace: string, id: string) {
  return db
    .select()
    .from(jobs)
    .where(and(eq(jobs.id, id), eq(jobs.namespace, namespace), kept))
    .limit(1);
}

/** One finished job with everything in it, or null. */
export async function findJob(db: Db, namespace: string, id: string): Promise<Job | null> {
  const [row] = await jobQuery(db, namespace, id);
  return row === undefined ? null : toJob(row);
}

/** Finished jobs, newest id first, at most `limit`, with ids below `before`. Rows for `toJob`. */
export function pageQuery(db: Db, filter: HistoryFilter, page: { before: string | null; limit: number }) {
  return db
    .select()
    .from(jobs)
    .where(and(...conditions(filter), page.before === null ? undefined : lt(jobs.id, page.before)))
    .orderBy(desc(jobs.id))
    .limit(page.limit);
}

/**
 * The creation time is inside `record`, exactly; the id's own time comes from the edge's clock, so a bound on the id
 * is only drawn with a margin and serves the index.
 */
function conditions(filter: HistoryFilter): (SQL | undefined)[] {
  const createdAt = sql<number>`json_extract(${jobs.record}, '$.createdAt')`;
  const { createdAfter, createdBefore } = filter;
  return [
    eq(jobs.namespace, filter.namespace),
    kept,
    filter.queue === null ? undefined : eq(jobs.queue, filter.queue),
    filter.state === null ? undefined : eq(jobs.state, filter.state),
    filter.orderingKey === null ? undefined : eq(jobs.orderingKey, filter.orderingKey),
    filter.tag === null
      ? undefined
      : sql`exists (select 1 from json_each(${jobs.record}, '$.tags') where json_each.value = ${filter.tag})`,
    createdAfter === null ? undefined : gte(jobs.id, firstJobIdAt(createdAfter - CLOCK_MARGIN_MS)),
    createdAfter === null ? undefined : gt(createdAt, createdAfter),
    createdBefore === null ? undefined : lt(jobs.id, firstJobIdAt(createdBefore + CLOCK_MARGIN_MS)),
    createdBefore === null ? undefined : lt(createdAt, createdBefore),
  ];
}

/** The most that the clock of the edge, which makes ids, and a shard's may differ. */
const CLOCK_MARGIN_MS = 60_000;

/** Succeeded jobs of a queue in history. */
export async function countSucceeded(db: Db, namespace: string, queue: string): Promise<number> {
  const rows = await db
    .select({ count: count() })
    .from(jobs)
    .where(and(eq(jobs.namespace, namespace), eq(jobs.queue, queue), eq(jobs.state, "succeeded")));
  return rows[0]?.count ?? 0;
}

/**
 * What history of one queue may go: finished before `finishedBefore`, made before `createdBefore`, and not kept for its
 * deduplication key until `keptBefore` or later.
 */
export interface Forgettable {
  namespace: string;
  queue: string;
  finishedBefore: number;
  createdBefore: number;
  keptBefore: number;
}

/** Forgets up to `limit` of the oldest jobs of one queue; answers how many went. */
export async function forgetJobs(db: Db, what: Forgettable, limit: number): Promise<number> {
  const old = db
    .select({ id: jobs.id })
    .from(jobs)
    .where(
      and(
        eq(jobs.namespace, what.namespace),
        eq(jobs.queue, what.queue),
        // A job is made before it finishes: the smaller bound keeps the walk over the index short.
        lt(jobs.id, firstJobIdAt(Math.min(what.createdBefore, what.finishedBefore))),
        lt(jobs.finishedAt, what.finishedBefore),
        sql`coalesce(json_extract(${jobs.record}, '$.keptUntil'), 0) < ${what.keptBefore}`,
      ),
    )
    .limit(limit);
  const gone = await db.delete(jobs).where(inArray(jobs.id, old)).returning({ id: jobs.id });
  return gone.length;
}

/** The row's `record` is this repository's own JSON: a Job without payload, result and attempts. */
export function toJob(row: JobRow): Job {
  const record = JSON.parse(row.record) as Omit<Job, "payload" | "result" | "attempts">;
  const attempts = JSON.parse(row.attempts) as Attempt[];
  return { ...record, payload: row.payload, result: row.result, attempts };
}
