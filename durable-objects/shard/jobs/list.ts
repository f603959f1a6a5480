import type { ListReply, ListRequest } from "../../../contract/rpc.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { firstJobIdAt } from "../../../domain/job-id.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { HEAD_COLUMNS, isKept, type JobHead, type JobRow, type JobSpec, ROW_COLUMNS, toJob } from "./job-row.ts";
import { PROGRESS } from "./progress-store.ts";

/** Rows read for one page: a filter that matches little ends the page early, with the place it came to. */
const SCAN_PER_PAGE = 20_000;
const SCAN_STEP = 500;
/** A page must fit in one RPC (32 MiB) with room to spare. */
const PAGE_BYTES = 8 * 1024 * 1024;

/** A page of jobs, newest id first. */
export function listJobs(parts: Parts, request: ListRequest): ListReply {
  const { filter, include, limit } = request;
  const columns =
    include.payload || include.result ? ROW_COLUMNS : `${HEAD_COLUMNS}, NULL AS result, 'null' AS payload`;
  const queue = filter.queue === null ? null : parts.get(QUEUES).find(request.namespace, filter.queue);
  if (filter.queue !== null && queue === null) return { type: "page", items: [], scannedTo: null, gone: [] };
  const from = filter.createdAfter === null ? "" : firstJobIdAt(filter.createdAfter - CLOCK_SLACK_MS);
  let before = least(
    request.before,
    filter.createdBefore === null ? null : firstJobIdAt(filter.createdBefore + CLOCK_SLACK_MS),
  );
  const items: ListReply["items"] = [];
  const gone: string[] = [];
  const page = (scannedTo: string | null): ListReply => ({
    type: "page",
    items: parts.get(PROGRESS).tellAll(items),
    scannedTo,
    gone,
  });
  let bytes = 0;
  for (let scanned = 0; scanned < SCAN_PER_PAGE; scanned += SCAN_STEP) {
    const rows = parts.sql.all<JobRow<RowState>>(
      `SELECT ${columns} FROM jobs WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT +?`,
      before,
      from,
      SCAN_STEP,
    );
    for (const row of rows) {
      before = row.id;
      const { settings } = parts.get(QUEUES).get(row.queue);
      if (settings.namespace !== request.namespace || (queue !== null && row.queue !== queue.ref)) continue;
      if (!isKept(row)) {
        gone.push(row.id);
        continue;
      }
      if (!matches(row, filter)) continue;
      const job = toJob(row, settings);
      if (!include.payload) job.payload = "null";
      if (!include.result) job.result = null;
      if (!include.attempts) job.attempts = [];
      items.push(job);
      bytes += job.payload.length + (job.result?.length ?? 0);
      if (items.length >= limit || bytes > PAGE_BYTES) return page(row.id);
    }
    if (rows.length < SCAN_STEP) return page(null);
  }
  return page(before);
}

/** Ids carry the gateway's clock, `createdAt` the shard's: bounds by id are widened by what may lie between. */
const CLOCK_SLACK_MS = 60_000;
/** Above every job id. */
const NEWEST = "job_{";

function least(a: string | null, b: string | null): string {
  const [first = NEWEST] = [a, b].filter((id) => id !== null).sort();
  return first;
}

function matches(row: JobHead, filter: ListRequest["filter"]): boolean {
  if (filter.state !== null && row.state !== filter.state) return false;
  if (filter.orderingKey !== null && row.ordering_key !== filter.orderingKey) return false;
  if (filter.createdAfter !== null && row.created_at <= filter.createdAfter) return false;
  if (filter.createdBefore !== null && row.created_at >= filter.createdBefore) return false;
  return filter.tag === null || (JSON.parse(row.spec) as JobSpec).tags.includes(filter.tag);
}
