import { type SQL, sql } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import { firstJobIdAt } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import { toJob } from "./history.ts";
import {
  CLOCK_MARGIN_MS,
  type FinishedPage,
  type HeavyColumns,
  type HistoryFilter,
  type HistoryPageRequest,
  LOOKED_AT,
  PAGE_BYTES,
} from "./history-filter.ts";
import { idOfQueue } from "./queues.ts";

/**
 * What the query of a page answers. `shown` is 0 for a row that says how far the page has come and nothing else; `last` is 1
 * for the last row that the query looked at. `cut` is 1 from the row on with which the page would be too large for one answer.
 */
interface PageRow {
  id: string;
  record: string | null;
  payload: string | null;
  result: string | null;
  attempts: string | null;
  shown: number;
  last: number;
  cut: number;
}

/** The page of a query's rows. What was not asked for is the payload "null", the result null, and no attempts. */
export function pageFrom(rows: PageRow[], limit: number): FinishedPage {
  const jobs: Job[] = [];
  let scannedTo: string | null = null;
  for (const { id, record, payload, result, attempts, shown, last, cut } of rows) {
    if (cut === 1 || jobs.length === limit) return { jobs, scannedTo };
    scannedTo = id;
    if (shown === 1 && record !== null) {
      jobs.push(toJob({ record, payload: payload ?? "null", result, attempts: attempts ?? "[]" }));
    }
    if (last === 1) return { jobs, scannedTo };
  }
  return { jobs, scannedTo: jobs.length < limit ? null : scannedTo };
}

/**
 * A page of finished jobs, newest id first. It walks the namespace's own rows, or those of its queue, and looks at
 * `LOOKED_AT` of them at most; the heavy columns are read for the page's rows alone, and where they are asked for.
 */
export function pageQuery(db: Db, filter: HistoryFilter, { before, limit, include }: HistoryPageRequest) {
  const lookAt = isIndexed(filter) ? limit : Math.max(limit, LOOKED_AT);
  // Drizzle takes a text of its own in no batch: it stands where a table would.
  const rows = sql`(
    WITH looked AS (
      SELECT id, ${matchOf(filter)} AS matched, ${bytesOf(include)} AS bytes
      FROM jobs ${indexOf(filter)} WHERE ${rangeOf(filter, before)} ORDER BY id DESC LIMIT ${lookAt}),
    page AS (
      SELECT id, matched, row_number() OVER seen AS n, sum(matched) OVER seen AS found,
        sum(bytes * matched) OVER seen AS bytes
      FROM looked WINDOW seen AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING))
    SELECT jobs.id AS id, CASE WHEN matched THEN record END AS record,
      ${heavy(include.payload, sql`payload`)} AS payload, ${heavy(include.result, sql`result`)} AS result,
      ${heavy(include.attempts, sql`attempts`)} AS attempts,
      (matched AND found <= ${limit}) AS shown, n = ${lookAt} AS last, ${CUT} AS cut
    FROM page JOIN jobs ON jobs.namespace = ${filter.namespace} AND jobs.id = page.id
    WHERE (matched AND found <= ${limit}) OR n = ${lookAt})`;
  return db.select(PAGE_COLUMNS).from(rows).orderBy(sql`id DESC`);
}

const column = <T>(name: keyof PageRow) => sql<T>`${sql.raw(name)}`.as(name);
const PAGE_COLUMNS = {
  id: column<string>("id"),
  record: column<string | null>("record"),
  payload: column<string | null>("payload"),
  result: column<string | null>("result"),
  attempts: column<string | null>("attempts"),
  shown: column<number>("shown"),
  last: column<number>("last"),
  cut: column<number>("cut"),
};

/** The first is always shown, however large it is. */
const CUT = sql`(bytes > ${PAGE_BYTES} AND found > 1)`;

function heavy(included: boolean, column: SQL): SQL {
  return included ? sql`CASE WHEN matched AND NOT ${CUT} THEN ${column} END` : sql`NULL`;
}

/** Two parts of one page: complete as far as both are. Of two copies of a job the newer is told. */
export function mergedPages(first: FinishedPage, second: FinishedPage, limit: number): FinishedPage {
  const end = [first.scannedTo, second.scannedTo].toSorted((a, b) => ((a ?? "") < (b ?? "") ? 1 : -1))[0] ?? null;
  const byId = new Map<string, Job>();
  for (const job of [...first.jobs, ...second.jobs]) {
    if (job.version > (byId.get(job.id)?.version ?? -1)) byId.set(job.id, job);
  }
  const jobs = [...byId.values()].filter(({ id }) => end === null || id >= end).sort((a, b) => (a.id < b.id ? 1 : -1));
  if (jobs.length <= limit) return { jobs, scannedTo: end };
  return { jobs: jobs.slice(0, limit), scannedTo: jobs[limit - 1]?.id ?? end };
}

/** Lengths are in a row's head: to know them reads no long column. */
function bytesOf({ payload, result, attempts }: HeavyColumns): SQL {
  const lengths = [
    payload ? sql`octet_length(payload)` : sql`0`,
    result ? sql`coalesce(octet_length(result), 0)` : sql`0`,
    attempts ? sql`octet_length(attempts)` : sql`0`,
  ];
  return sql.join(lengths, sql` + `);
}

/** Whether all but a few of the rows that the query looks at match. */
function isIndexed({ queue, state, tag, orderingKey }: HistoryFilter): boolean {
  return tag === null && orderingKey === null && (state === null || (state === "failed" && queue !== null));
}

/** Named, because the planner would rather walk the namespace's whole key. */
function indexOf({ queue, state }: HistoryFilter): SQL {
  if (queue === null) return sql``;
  return state === "failed" ? sql`INDEXED BY jobs_failed` : sql`INDEXED BY jobs_by_queue`;
}

/** The part of the index that is walked. Ids carry the edge's clock, so bounds on them are drawn with a margin. */
function rangeOf(filter: HistoryFilter, before: string | null): SQL {
  const { namespace, queue, state, createdAfter, createdBefore } = filter;
  const parts = [sql`namespace = ${namespace}`];
  if (queue !== null) parts.push(sql`queue = ${filter.queueId ?? idOfQueue(namespace, queue)}`);
  // As it stands in the index: a bound value would not find it.
  if (queue !== null && state === "failed") parts.push(sql`state = 'failed'`);
  if (before !== null) parts.push(sql`id < ${before}`);
  if (createdAfter !== null) parts.push(sql`id >= ${firstJobIdAt(createdAfter - CLOCK_MARGIN_MS)}`);
  if (createdBefore !== null) parts.push(sql`id < ${firstJobIdAt(createdBefore + CLOCK_MARGIN_MS)}`);
  return sql.join(parts, sql` AND `);
}

/** What a row of that part has to be. Deleted jobs leave tombstones, until their retention ends. */
function matchOf({ state, tag, orderingKey, createdAfter, createdBefore }: HistoryFilter): SQL {
  const createdAt = sql`json_extract(record, '$.createdAt')`;
  const parts = [sql`state <> 'discarded'`];
  if (state !== null) parts.push(sql`state = ${state}`);
  if (orderingKey !== null) parts.push(sql`coalesce(ordering_key = ${orderingKey}, 0)`);
  if (createdAfter !== null) parts.push(sql`coalesce(${createdAt} > ${createdAfter}, 0)`);
  if (createdBefore !== null) parts.push(sql`coalesce(${createdAt} < ${createdBefore}, 0)`);
  if (tag !== null) {
    parts.push(sql`EXISTS (SELECT 1 FROM json_each(record, '$.tags') AS tags WHERE tags.value = ${tag})`);
  }
  return sql`(${sql.join(parts, sql` AND `)})`;
}
