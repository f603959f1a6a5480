import { and, eq, inArray, sql } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import type { OperationCounts } from "../../domain/operation.ts";
import type { Db } from "./client.ts";
import { type JobRow, toJob } from "./history.ts";
import { idOfQueue } from "./queues.ts";
import { historyCounts, jobs, operations } from "./schema.ts";

/** A finished job without its long columns. */
export type HistoryRecord = Omit<Job, "payload" | "result" | "attempts">;

/** The place of a job in a walk over history: queue by queue, which is the order of its index. `queue` is the `queueId`. */
export function positionOf(job: Pick<JobRow, "queue" | "id">): string {
  return `${job.queue}/${job.id}`;
}

/** The next jobs of a namespace after `after` (`placeOf`, "" at the start), of one queue when it is named. */
export async function walkHistory(
  db: Db,
  where: { namespace: string; queue: string | null; after: string; limit: number },
): Promise<{ records: HistoryRecord[]; last: string | null }> {
  const [queue = "", id = ""] = where.after.split("/");
  // The index is named because the planner would rather walk the whole namespace.
  const rest =
    where.queue === null
      ? sql`(queue, id) > (${queue}, ${id})`
      : sql`queue = ${idOfQueue(where.namespace, where.queue)} AND id > ${id}`;
  const rows = await db.all<Pick<JobRow, "id" | "queue" | "state" | "record">>(sql`
    SELECT id, queue, state, record FROM jobs INDEXED BY jobs_by_queue
    WHERE namespace = ${where.namespace} AND ${rest} ORDER BY queue, id LIMIT ${where.limit}`);
  const records = rows
    .filter(({ state }) => state !== "discarded")
    .map(({ record }) => JSON.parse(record) as HistoryRecord);
  const end = rows.at(-1);
  return { records, last: end === undefined ? null : positionOf(end) };
}

/** A step of the walk: from `after` to `next`, null at its end. `counts` is what the step adds. */
export interface HistoryStep {
  operation: string;
  after: string;
  next: string | null;
  counts: OperationCounts;
}

/** Notes a step. False, and nothing is counted, when somebody else has noted it already. */
export async function noteStep(db: Db, step: HistoryStep): Promise<boolean> {
  return (await stepUpdate(db, step, sql`${step.counts.changed}`)).length > 0;
}

/**
 * Notes a step and puts tombstones over `victims`, in one transaction: each unless it has changed since it was read.
 * `changed` is counted here. False when somebody else has noted the step already.
 */
export async function deleteStep(
  db: Db,
  { namespace, victims, now, ...step }: HistoryStep & { namespace: string; victims: HistoryRecord[]; now: number },
): Promise<boolean> {
  const named = JSON.stringify(victims.map(({ id, version }) => [id, version]));
  const theirs = sql`${jobs.namespace} = ${namespace}
    AND (${jobs.id}, ${jobs.version}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${named}))`;
  const tombstone = {
    state: "discarded",
    version: sql`${jobs.version} + 1`,
    orderingKey: null,
    finishedAt: now,
    record: "{}",
    payload: "null",
    result: null,
    attempts: "[]",
  };
  // Counted before they change: afterwards their versions are others.
  const [noted] = await db.batch([
    stepUpdate(db, step, sql`(SELECT count(*) FROM ${jobs} WHERE ${theirs})`),
    db
      .insert(historyCounts)
      .select(
        sql`SELECT namespace, queue, -count(*) FROM ${jobs} WHERE ${theirs} AND state = 'succeeded' GROUP BY namespace, queue`,
      )
      .onConflictDoUpdate({
        target: [historyCounts.namespace, historyCounts.queue],
        set: { succeeded: sql`${historyCounts.succeeded} + excluded.succeeded` },
      }),
    db.update(jobs).set(tombstone).where(theirs),
  ]);
  return noted.length > 0;
}

function stepUpdate(db: Db, { operation, after, next, counts }: HistoryStep, changed: ReturnType<typeof sql>) {
  return db
    .update(operations)
    .set({
      after: next,
      scanned: sql`${operations.scanned} + ${counts.scanned}`,
      matched: sql`${operations.matched} + ${counts.matched}`,
      changed: sql`${operations.changed} + ${changed}`,
    })
    .where(and(eq(operations.id, operation), eq(operations.after, after)))
    .returning({ id: operations.id });
}

/** Whole jobs of a namespace by id: those of `ids` that history has, each with its long columns. */
export async function wholeJobs(db: Db, namespace: string, ids: string[]): Promise<Job[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.namespace, namespace), inArray(jobs.id, ids)));
  return rows.map(toJob);
}
