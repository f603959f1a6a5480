import {
  MAX_PAGE_BYTES,
  MAX_PAGE_JOBS,
  MAX_PAGED_JOB_BYTES,
  PAGE_PARTS,
  type PageColumn,
  pageSpan,
  type SucceededPage,
} from "../../../contract/succeeded-page.ts";
import { isPlatformFault } from "../../../domain/fault.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { IS_READABLE } from "./job-store.ts";

/** What is asked of a finished job before it goes to history. */
export interface FinishedHead extends SqlRow {
  id: string;
  /** The queue's ref. */
  queue: number;
  version: number;
  state: string;
  /** Of its long columns, in bytes of UTF-8. */
  bytes: number;
  /** 1 where it may go in a page, 0 where it needs a row of its own. */
  paged: number;
}

const BYTES = "octet_length(payload) + coalesce(octet_length(result), 0) + octet_length(attempts)";

/** A deduplication key may answer for longer than its queue's retention, which is said of a row alone. */
const HEADS = `SELECT id, queue, version, state, ${BYTES} AS bytes,
    state = 'succeeded' AND dedup_key IS NULL AND ${BYTES} <= ${MAX_PAGED_JOB_BYTES} AND ${IS_READABLE} AS paged
  FROM jobs WHERE id IN (SELECT value FROM json_each(?))`;

/** The finished jobs of these that the shard still has, by their ids. */
export function finishedHeads(sql: Sql, ids: readonly string[]): Map<string, FinishedHead> {
  return new Map(sql.all<FinishedHead>(HEADS, JSON.stringify(ids)).map((head) => [head.id, head]));
}

/** A job's earlier attempts without what its leases were made of. Most have none. */
const EARLIER = `iif(attempts = '[]', attempts,
  (SELECT json_group_array(json_remove(value, '$.nonce', '$.delivery')) || '' FROM json_each(attempts)))`;

/** Each column of a page as SQL over a row of `jobs`. */
const EXPRESSIONS: Record<PageColumn, string> = {
  id: "jobs.id",
  version: "version",
  attempt: "attempt",
  delivery: "attempt + returned",
  priority: "priority",
  orderingKey: "ordering_key",
  concurrencyKey: "concurrency_key",
  spec: "spec",
  timeoutMs: "timeout_ms",
  resultTruncated: "truncated",
  createdAt: "created_at",
  runAt: "run_at - created_at",
  startedAt: "started_at - created_at",
  finishedAt: "finished_at - created_at",
  expiresAt: "expires_at - created_at",
  attemptAt: "attempt_at - created_at",
  worker: "worker",
  warning: "error",
  earlier: EARLIER,
  payload: "payload",
  result: "result",
};

const COLUMNS: PageColumn[] = ["id", ...Object.values(PAGE_PARTS).flat()];

/** A column as JSON: one value where all jobs have the same. */
function columnOf(name: PageColumn): string {
  const value = EXPRESSIONS[name];
  return `iif(min(${value}) IS max(${value}) AND count(${value}) IN (0, count(*)), json_array(min(${value})),
    json_group_array(${value})) AS ${name}`;
}

/** The pages of a list of [id, number of its page]. SQLite writes their texts: no object is made of a job. */
const PAGES = `SELECT jobs.queue AS queue, count(*) AS n, max(finished_at) AS finishedTo, sum(${BYTES}) AS bytes,
    ${COLUMNS.map(columnOf).join(", ")}
  FROM json_each(?) AS listed JOIN jobs ON jobs.id = listed.value ->> 0 GROUP BY listed.value ->> 1`;

type PageRow = SqlRow & { queue: number; n: number; finishedTo: number; bytes: number } & Record<PageColumn, string>;

/**
 * Succeeded jobs as pages for history: those of one queue that were made at about the same time together. Null where
 * SQLite cannot make them of these rows: then each goes for itself, and what is wrong with one is found.
 */
export function succeededPages(parts: Parts, heads: readonly FinishedHead[]): SucceededPage[] | null {
  if (heads.length === 0) return [];
  try {
    const rows = parts.sql.all<PageRow>(PAGES, JSON.stringify(numbered(heads)));
    return rows.map(({ queue, n, finishedTo, bytes, ...columns }) => {
      const { namespace, name, incarnation } = parts.get(QUEUES).get(queue).settings;
      return {
        namespace,
        queue: name,
        ...(incarnation === undefined ? {} : { incarnation }),
        n,
        finishedTo,
        bytes,
        columns,
      };
    });
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    return null;
  }
}

/** Each job with the number of its page. */
function numbered(heads: readonly FinishedHead[]): [id: string, page: number][] {
  const open = new Map<string, { page: number; jobs: number; bytes: number }>();
  let pages = 0;
  return heads.map(({ id, queue, bytes }) => {
    const key = `${queue} ${pageSpan(id).from}`;
    let last = open.get(key);
    if (last === undefined || last.jobs === MAX_PAGE_JOBS || last.bytes + bytes > MAX_PAGE_BYTES) {
      last = { page: pages++, jobs: 0, bytes: 0 };
      open.set(key, last);
    }
    last.jobs += 1;
    last.bytes += bytes;
    return [id, last.page];
  });
}
