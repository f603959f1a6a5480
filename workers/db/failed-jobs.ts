import { and, asc, eq, gt, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import { fingerprintOf } from "../../domain/fingerprint.ts";
import type { Job } from "../../domain/job/job.ts";
import { firstJobIdAt } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import { toJob } from "./history.ts";
import { CLOCK_MARGIN_MS } from "./history-filter.ts";
import { idsInPages } from "./history-pages.ts";
import { idOfQueue } from "./queues.ts";
import { jobs } from "./schema.ts";

/** Which failed jobs of one queue; null is any. Bounds in time are exclusive. */
export interface FailedFilter {
  errorCode: string | null;
  fingerprint: string | null;
  tag: string | null;
  orderingKey: string | null;
  finishedAfter: number | null;
  finishedBefore: number | null;
  createdAfter: number | null;
  createdBefore: number | null;
}

export interface FailedPage {
  /** Ids that match, ascending. */
  ids: string[];
  /** Where the next page goes on; null at the end. */
  next: string | null;
}

/** Looks at the next `limit` failed jobs that history has of a queue, up by id, whether they match or not. */
export async function failedPage(
  db: Db,
  queue: { namespace: string; queue: string; queueId?: string; filter: FailedFilter },
  page: { after: string | null; limit: number },
): Promise<FailedPage> {
  const { createdAfter, createdBefore, fingerprint } = queue.filter;
  const rows = await db
    .select({
      id: jobs.id,
      error: sql<string | null>`json_extract(${jobs.record}, '$.error')`,
      matched: sql<number>`${and(sql`1`, ...conditions(queue.filter))}`,
    })
    .from(jobs)
    .where(
      and(
        eq(jobs.namespace, queue.namespace),
        sql`${jobs.queue} = ${queue.queueId ?? idOfQueue(queue.namespace, queue.queue)}`,
        // As it stands in the index: a bound value would not find it.
        sql`state = 'failed'`,
        page.after === null ? undefined : gt(jobs.id, page.after),
        createdAfter === null ? undefined : gte(jobs.id, firstJobIdAt(createdAfter - CLOCK_MARGIN_MS)),
        createdBefore === null ? undefined : lt(jobs.id, firstJobIdAt(createdBefore + CLOCK_MARGIN_MS)),
      ),
    )
    .orderBy(asc(jobs.id))
    .limit(page.limit);
  const isOfKind = (error: string | null) =>
    fingerprint === null || (error !== null && fingerprintOf(JSON.parse(error)) === fingerprint);
  return {
    ids: rows.filter(({ matched, error }) => matched === 1 && isOfKind(error)).map(({ id }) => id),
    next: rows.length < page.limit ? null : (rows.at(-1)?.id ?? null),
  };
}

function conditions(filter: FailedFilter): (SQL | undefined)[] {
  const createdAt = sql<number>`json_extract(${jobs.record}, '$.createdAt')`;
  const { errorCode, tag, orderingKey, finishedAfter, finishedBefore, createdAfter, createdBefore } = filter;
  return [
    errorCode === null ? undefined : sql`json_extract(${jobs.record}, '$.error.code') = ${errorCode}`,
    tag === null
      ? undefined
      : sql`exists (select 1 from json_each(${jobs.record}, '$.tags') where json_each.value = ${tag})`,
    orderingKey === null ? undefined : eq(jobs.orderingKey, orderingKey),
    finishedAfter === null ? undefined : gt(jobs.finishedAt, finishedAfter),
    finishedBefore === null ? undefined : lt(jobs.finishedAt, finishedBefore),
    createdAfter === null ? undefined : gt(createdAt, createdAfter),
    createdBefore === null ? undefined : lt(createdAt, createdBefore),
  ];
}

/** These failed jobs, whole, in the order of their ids. */
export async function failedJobs(db: Db, namespace: string, ids: string[]): Promise<Job[]> {
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.namespace, namespace), inList(ids), sql`state = 'failed'`))
    .orderBy(asc(jobs.id));
  return rows.map(toJob);
}

/** Which of these jobs history has, by their ids, whatever became of them. */
export async function idsInHistory(db: Db, named: { namespace: string; id: string }[]): Promise<Set<string>> {
  const names = JSON.stringify(named.map(({ namespace, id }) => [namespace, id]));
  const rows = await db
    .select({ id: jobs.id })
    .from(jobs)
    .where(sql`(${jobs.namespace}, ${jobs.id}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${names}))`);
  const ids = new Set(rows.map(({ id }) => id));
  const others = named.filter(({ id }) => !ids.has(id));
  return others.length === 0 ? ids : new Set([...ids, ...(await idsInPages(db, others))]);
}

/** Any number of ids as one bound value: D1 allows a hundred of those in a statement. */
function inList(ids: string[]): SQL {
  return inArray(jobs.id, sql`(select value from json_each(${JSON.stringify(ids)}))`);
}
