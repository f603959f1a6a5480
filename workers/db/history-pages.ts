import { and, eq, type SQL, sql } from "drizzle-orm";
import { pageSpan } from "../../contract/succeeded-page.ts";
import type { Job } from "../../domain/job/job.ts";
import { firstJobIdAt } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import {
  CLOCK_MARGIN_MS,
  type FinishedPage,
  type Forgettable,
  type HistoryFilter,
  type HistoryPageRequest,
  LOOKED_AT,
  PAGE_BYTES,
} from "./history-filter.ts";
import { idsOf, jobsIn, type PageRow, pageColumns, suffixOf, WHOLE } from "./page-rows.ts";
import { idOfQueue } from "./queues.ts";
import { historyCounts, historyPages } from "./schema.ts";

/** Beyond what a list wants, pages that its query names: jobs of one time may lie in many. */
const NAMED_BESIDE = 50;
/** Pages named in each further query, and how many of those there are at most, where more lie at one time than were thought of. */
const NAMED_FURTHER = 1_000;
const FURTHER_QUERIES = 20;
/** Pages opened in one query, unless they are too large together. */
const OPENED_AT_ONCE = 100;
const BYTES_AT_ONCE = 1024 * 1024;
/** What a job's record takes, about, beside its long columns. */
const RECORD_BYTES = 500;

/** The page that has this job, if one has. Rows for `findInPages`. */
export function pageOfJobQuery(db: Db, namespace: string, id: string) {
  return rowsOf<PageRow>(
    db,
    sql`SELECT ${pageColumns(WHOLE)} FROM history_pages WHERE namespace = ${namespace} AND max_id >= ${id}
      AND max_id < ${pageSpan(id).to} AND min_id <= ${id} AND instr(ids, ${suffixOf(id)}) > 0 LIMIT 1`,
    ["namespace", "max_id", "queue", "ids", "records", "attempts", "results", "payloads"],
  );
}

/** The job among those of these pages, or null. */
export async function findInPages(rows: readonly PageRow[], id: string): Promise<Job | null> {
  const [row] = rows;
  return row === undefined ? null : ((await jobsIn(row)).find((job) => job.id === id) ?? null);
}

/** What a list knows of a page before it opens it. */
interface NamedPage {
  max_id: string;
  ids: string;
  bytes: number;
}

/** Pages with jobs below `before`, by the newest id in each, the newest first. */
export function newestPagesQuery(db: Db, filter: HistoryFilter, { before, limit }: HistoryPageRequest) {
  return rowsOf<NamedPage>(
    db,
    sql`SELECT max_id, ids, bytes FROM history_pages ${indexOf(filter)} WHERE ${rangeOf(filter, before)}
      ORDER BY max_id DESC LIMIT ${namedAtOnce(filter, limit)}`,
    ["max_id", "ids", "bytes"],
  );
}

/** Pages have succeeded jobs alone: for others none is looked at. */
function namedAtOnce({ state, tag, orderingKey }: HistoryFilter, limit: number): number {
  if (state !== null && state !== "succeeded") return 0;
  return (tag === null && orderingKey === null ? limit : Math.max(limit, LOOKED_AT)) + NAMED_BESIDE;
}

/** Drizzle takes a text of its own in no batch: it stands where a table would. */
function rowsOf<Row>(db: Db, query: SQL, columns: (keyof Row & string)[]) {
  const selection = Object.fromEntries(columns.map((name) => [name, sql`${sql.raw(name)}`.as(name)]));
  return db.select(selection as { [Name in keyof Row]: SQL.Aliased<Row[Name]> }).from(sql`(${query})`);
}

/**
 * The jobs of pages that a list wants, newest first, complete down to and including `scannedTo`; `named` is the answer of
 * `newestPagesQuery`. Only pages are opened that have jobs of the answer, or may have.
 */
export async function jobsFromPages(
  db: Db,
  { filter, request, named }: { filter: HistoryFilter; request: HistoryPageRequest; named: NamedPage[] },
): Promise<FinishedPage> {
  const { jobs: listed, isAll } = await listedJobs(db, { filter, request, named });
  const isExact = filter.tag === null && filter.orderingKey === null;
  const most = isExact ? request.limit : Math.max(request.limit, LOOKED_AT);
  const looked = withinBytes(listed.slice(0, most), request);
  const found = await open(db, filter.namespace, { pages: new Set(looked.map(({ page }) => page)), ...request });
  const jobs: Job[] = [];
  for (const { id } of looked) {
    const job = found.get(id);
    if (job === undefined || !matches(filter, job)) continue;
    jobs.push(job);
    if (jobs.length === request.limit) return { jobs, scannedTo: id };
  }
  return { jobs, scannedTo: isAll && looked.length === listed.length ? null : (looked.at(-1)?.id ?? null) };
}

interface ListedJob {
  id: string;
  page: NamedPage;
}

/** The jobs of the named pages below `before`, newest first: down to those that a page which is not named may lie between. */
async function listedJobs(
  db: Db,
  { filter, request, named }: { filter: HistoryFilter; request: HistoryPageRequest; named: NamedPage[] },
): Promise<{ jobs: ListedJob[]; isAll: boolean }> {
  const { before } = request;
  const pages = [...named];
  let isAll = named.length < namedAtOnce(filter, request.limit);
  for (let queries = 0; ; queries++) {
    const end = isAll ? "" : (pages.at(-1)?.max_id ?? "");
    const jobs = pages
      .flatMap((page) => idsOf(page).map((id) => ({ id, page })))
      .filter(({ id }) => id >= end && (before === null || id < before))
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    if (isAll || jobs.length > 0) return { jobs, isAll };
    // All that were named begin below `before` and end above it.
    if (queries === FURTHER_QUERIES) throw new Error("too many pages of history lie at one time");
    const further = await db.all<NamedPage>(sql`SELECT max_id, ids, bytes FROM history_pages ${indexOf(filter)}
      WHERE ${rangeOf(filter, before)} AND max_id < ${end} ORDER BY max_id DESC LIMIT ${NAMED_FURTHER}`);
    pages.push(...further);
    isAll = further.length < NAMED_FURTHER;
  }
}

/** The first of these whose pages are not too large together; the very first always. */
function withinBytes(jobs: ListedJob[], { include }: HistoryPageRequest): ListedJob[] {
  const isHeavy = include.payload || include.result || include.attempts;
  const seen = new Set<NamedPage>();
  let bytes = 0;
  const end = jobs.findIndex(({ page }) => {
    if (!seen.has(page)) bytes += RECORD_BYTES * idsOf(page).length + (isHeavy ? page.bytes : 0);
    seen.add(page);
    return bytes > PAGE_BYTES && seen.size > 1;
  });
  return end < 0 ? jobs : jobs.slice(0, end);
}

/** The jobs of pages by their ids. A page that is gone by now had none that stayed. */
async function open(
  db: Db,
  namespace: string,
  { pages, include }: { pages: Set<NamedPage>; include: HistoryPageRequest["include"] },
): Promise<Map<string, Job>> {
  const groups: NamedPage[][] = [];
  let bytes = 0;
  for (const page of pages) {
    const last = groups.at(-1);
    bytes += page.bytes;
    if (last === undefined || last.length === OPENED_AT_ONCE || bytes > BYTES_AT_ONCE) {
      groups.push([page]);
      bytes = page.bytes;
    } else last.push(page);
  }
  const found = new Map<string, Job>();
  for (const group of groups) {
    const keys = JSON.stringify(group.map(({ max_id: maxId }) => maxId));
    const rows = await db.all<PageRow>(sql`SELECT ${pageColumns(include)} FROM history_pages
      WHERE namespace = ${namespace} AND max_id IN (SELECT value FROM json_each(${keys}))`);
    for (const jobs of await Promise.all(rows.map((row) => jobsIn(row))))
      for (const job of jobs) found.set(job.id, job);
  }
  return found;
}

function indexOf({ queue }: HistoryFilter): SQL {
  return queue === null ? sql`` : sql`INDEXED BY history_pages_by_queue`;
}

/** The part of the index that is walked. Ids carry the edge's clock, so bounds on them are drawn with a margin. */
function rangeOf(filter: HistoryFilter, before: string | null): SQL {
  const { namespace, queue, queueId, createdAfter, createdBefore } = filter;
  const parts = [sql`namespace = ${namespace}`];
  if (queue !== null) parts.push(sql`queue = ${queueId ?? idOfQueue(namespace, queue)}`);
  const ends = [before, createdBefore === null ? null : firstJobIdAt(createdBefore + CLOCK_MARGIN_MS)];
  for (const end of ends) {
    // A page that begins below may end above, in the same span.
    if (end !== null) parts.push(sql`max_id < ${pageSpan(end).to}`, sql`min_id < ${end}`);
  }
  if (createdAfter !== null) parts.push(sql`max_id >= ${firstJobIdAt(createdAfter - CLOCK_MARGIN_MS)}`);
  return sql.join(parts, sql` AND `);
}

function matches({ tag, orderingKey, createdAfter, createdBefore }: HistoryFilter, job: Job): boolean {
  if (tag !== null && !job.tags.includes(tag)) return false;
  if (orderingKey !== null && job.orderingKey !== orderingKey) return false;
  if (createdAfter !== null && job.createdAt <= createdAfter) return false;
  return createdBefore === null || job.createdAt < createdBefore;
}

/** Which of these jobs pages have, by their ids. */
export async function idsInPages(db: Db, named: readonly { namespace: string; id: string }[]): Promise<string[]> {
  const rows = await db.all<{ id: string }>(sql`SELECT named.value ->> 1 AS id ${pagesNaming(named)}`);
  return rows.map(({ id }) => id);
}

/** The pages that have these jobs, as what follows a SELECT: `named.value ->> 1` is the id. */
export function pagesNaming(named: readonly { namespace: string; id: string }[]): SQL {
  const names = named.map(({ namespace, id }) => [namespace, id, pageSpan(id).to, suffixOf(id)]);
  return sql`FROM json_each(${JSON.stringify(names)}) AS named CROSS JOIN history_pages
    WHERE namespace = named.value ->> 0 AND max_id >= named.value ->> 1 AND max_id < named.value ->> 2
      AND min_id <= named.value ->> 1 AND instr(ids, named.value ->> 3) > 0`;
}

/** Forgets up to `limit` of the oldest pages of one queue whose jobs may all go; answers how many. */
export async function forgetPages(db: Db, what: Forgettable, limit: number): Promise<number> {
  const { namespace, queue, finishedBefore, createdBefore } = what;
  const newest = firstJobIdAt(Math.min(createdBefore, finishedBefore));
  const old = sql`(SELECT max_id, n FROM history_pages INDEXED BY history_pages_by_queue
    WHERE namespace = ${namespace} AND queue = ${queue} AND max_id < ${newest} AND finished_to < ${finishedBefore}
    ORDER BY max_id LIMIT ${limit})`;
  const { succeeded } = historyCounts;
  // Counted before they go, in one transaction.
  const [, gone] = await db.batch([
    db
      .update(historyCounts)
      .set({ succeeded: sql`${succeeded} - (SELECT coalesce(sum(n), 0) FROM ${old})` })
      .where(and(eq(historyCounts.namespace, namespace), eq(historyCounts.queue, queue), sql`EXISTS ${old}`)),
    db
      .delete(historyPages)
      .where(and(eq(historyPages.namespace, namespace), sql`${historyPages.maxId} IN (SELECT max_id FROM ${old})`))
      .returning({ maxId: historyPages.maxId }),
  ]);
  return gone.length;
}
