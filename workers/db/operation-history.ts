import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import type { OperationCounts } from "../../domain/operation.ts";
import type { Db } from "./client.ts";
import { type JobRow, toJob } from "./history.ts";
import { takenOut } from "./page-deletion.ts";
import { jobsIn, type PageRow, pageColumns, RECORDS_ALONE } from "./page-rows.ts";
import { idOfQueue } from "./queues.ts";
import { historyCounts, jobs, operations } from "./schema.ts";

/** A finished job without its long columns. */
export type HistoryRecord = Omit<Job, "payload" | "result" | "attempts">;

/** Pages of jobs looked at in one step. */
const PAGES_A_STEP = 5;

/** The place of a job in a walk over history: queue by queue, which is the order of its index. `queue` is the `queueId`. */
export function positionOf(job: Pick<JobRow, "queue" | "id">): string {
  return `${job.queue}/${job.id}`;
}

/**
 * The next jobs of a namespace after `after` (`positionOf`, "" at the start), of one queue when it is named, and where the
 * walk goes on; null at its end. About `limit` jobs that have rows, and those of a few pages: of a page all come together,
 * at the place of the last id that it may have.
 */
export async function walkHistory(
  db: Db,
  where: { namespace: string; queue: string | null; queueId?: string; after: string; limit: number },
): Promise<{ records: HistoryRecord[]; last: string | null }> {
  const [queue = "", id = ""] = where.after.split("/");
  const rest = (column: SQL) =>
    where.queue === null
      ? sql`(queue, ${column}) > (${queue}, ${id})`
      : sql`queue = ${where.queueId ?? idOfQueue(where.namespace, where.queue)} AND ${column} > ${id}`;
  // The indexes are named because the planner would rather walk the whole namespace.
  const rows = await db.all<Pick<JobRow, "id" | "queue" | "state" | "record">>(sql`
    SELECT id, queue, state, record FROM jobs INDEXED BY jobs_by_queue
    WHERE namespace = ${where.namespace} AND ${rest(sql`id`)} ORDER BY queue, id LIMIT ${where.limit}`);
  const pages = await db.all<PageRow>(sql`
    SELECT ${pageColumns(RECORDS_ALONE)} FROM history_pages INDEXED BY history_pages_by_queue
    WHERE namespace = ${where.namespace} AND ${rest(sql`max_id`)} ORDER BY queue, max_id LIMIT ${PAGES_A_STEP}`);
  const places = [
    ...rows.map((row) => ({ queue: row.queue, id: row.id })),
    ...pages.map((page) => ({ queue: page.queue, id: page.max_id })),
  ].sort(inOrder);
  const ends = [rows.length < where.limit ? null : rows.at(-1), pages.length < PAGES_A_STEP ? null : lastOf(pages)]
    .filter((end) => end !== null && end !== undefined)
    .sort(inOrder);
  const [end = places.at(-1)] = ends;
  if (end === undefined) return { records: [], last: null };
  const isWithin = (place: Pick<JobRow, "queue" | "id">) => inOrder(place, end) <= 0;
  const records = rows
    .filter((row) => row.state !== "discarded" && isWithin(row))
    .map(({ record }) => JSON.parse(record) as HistoryRecord);
  const within = pages.filter((page) => isWithin({ queue: page.queue, id: page.max_id }));
  const paged = (await Promise.all(within.map((page) => jobsIn(page)))).flat();
  return { records: [...records, ...paged], last: positionOf(end) };
}

function lastOf(pages: PageRow[]): Pick<JobRow, "queue" | "id"> | null {
  const page = pages.at(-1);
  return page === undefined ? null : { queue: page.queue, id: page.max_id };
}

/** As SQLite compares them: names and ids are ASCII. */
function inOrder(a: Pick<JobRow, "queue" | "id">, b: Pick<JobRow, "queue" | "id">): number {
  if (a.queue !== b.queue) return a.queue < b.queue ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
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

/** Jobs of one namespace that are to be deleted, as they were read. */
interface Victims {
  namespace: string;
  victims: HistoryRecord[];
  now: number;
}

/**
 * Notes a step and puts tombstones over `victims`, in one transaction: each unless it has changed since it was read. Those
 * that are in pages are taken out of them. `changed` is counted here. False when somebody else has noted the step already.
 * Throws, and nothing is done, when somebody else has changed one of the pages meanwhile.
 */
export async function deleteStep(
  db: Db,
  { namespace, victims, now, ...step }: HistoryStep & Victims,
): Promise<boolean> {
  const { changed, statements } = await deletionOf(db, { namespace, victims, now });
  // Counted before they change: afterwards their versions are others.
  const [noted] = await db.batch([stepUpdate(db, step, changed), ...statements]);
  return noted.length > 0;
}

/** The same in a database that has no operations: answers how many were deleted. Done twice it finds none. */
export async function deleteElsewhere(db: Db, of: Victims): Promise<number> {
  const { changed, statements } = await deletionOf(db, of);
  const [[counted]] = await db.batch([
    db.select({ n: sql<number>`${changed}`.as("n") }).from(sql`(SELECT 1)`),
    ...statements,
  ]);
  return counted?.n ?? 0;
}

async function deletionOf(db: Db, { namespace, victims, now }: Victims) {
  const named = JSON.stringify(victims.map(({ id, version }) => [id, version]));
  const theirs = sql`${jobs.namespace} = ${namespace}
    AND (${jobs.id}, ${jobs.version}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${named}))`;
  const empty = {
    state: "discarded",
    orderingKey: null,
    finishedAt: now,
    record: "{}",
    payload: "null",
    result: null,
    attempts: "[]",
  };
  const paged = await takenOut(
    db,
    victims.map(({ id }) => ({ namespace, id })),
  );
  const versions = new Map(victims.map(({ id, version }) => [id, version]));
  const taken = JSON.stringify(paged.jobs.map(({ id, queue }) => [id, queue, (versions.get(id) ?? 0) + 1]));
  const statements = [
    db
      .insert(historyCounts)
      .select(
        sql`SELECT namespace, queue, -count(*) FROM ${jobs} WHERE ${theirs} AND state = 'succeeded' GROUP BY namespace, queue`,
      )
      .onConflictDoUpdate({
        target: [historyCounts.namespace, historyCounts.queue],
        set: { succeeded: sql`${historyCounts.succeeded} + excluded.succeeded` },
      }),
    db
      .update(jobs)
      .set({ ...empty, version: sql`${jobs.version} + 1` })
      .where(theirs),
    ...paged.statements,
    db
      .insert(jobs)
      .select(
        sql`SELECT ${namespace}, value ->> 0, value ->> 1, ${empty.state}, value ->> 2, NULL, ${now}, ${empty.record},
          ${empty.payload}, NULL, ${empty.attempts} FROM json_each(${taken}) WHERE true`,
      )
      .onConflictDoNothing(),
  ];
  return { changed: sql`(SELECT ${paged.jobs.length} + count(*) FROM ${jobs} WHERE ${theirs})`, statements };
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
