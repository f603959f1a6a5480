import type { JobListItem, JobListQuery } from "../../../contract/job.ts";
import type { Page } from "../../../contract/list.ts";
import type { JobFilter, ListReply } from "../../../contract/rpc.ts";
import { parseTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { hash32, ownerOf } from "../../../domain/slots.ts";
import { primary } from "../../db/client.ts";
import { listJobs } from "../../db/history.ts";
import { canonicalJson } from "../http/canonical-json.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import type { Services } from "../services.ts";
import { fromHistory } from "./job-read.ts";
import { listItem } from "./job-view.ts";

/** One source's newest jobs below the cursor; complete down to and including `scannedTo`, to the end when it is null. */
export type Source = Pick<ListReply, "items" | "scannedTo">;

/**
 * Merges sources into one page, newest id first. An id below any source's `scannedTo` is left for the next page: that
 * source may still have jobs between. Of two copies of a job the earlier source's wins, so shards come before history.
 * `before` is where the next page goes on (exclusive), null at the end.
 */
export function mergePages(sources: Source[], limit: number): { items: Job[]; before: string | null } {
  let frontier: string | null = null;
  for (const { scannedTo } of sources) {
    if (scannedTo !== null && (frontier === null || scannedTo > frontier)) frontier = scannedTo;
  }
  const byId = new Map<string, Job>();
  for (const job of sources.flatMap(({ items }) => items)) {
    if (frontier !== null && job.id < frontier) continue;
    if (!byId.has(job.id)) byId.set(job.id, job);
  }
  const merged = [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  const items = merged.slice(0, limit);
  return { items, before: merged.length > limit ? (items.at(-1)?.id ?? null) : frontier };
}

/** Pages that a filter leaves thin are filled by asking on, at most this often. */
const MAX_ROUNDS = 4;

/** One page of `GET /v1/jobs`: all shards and history, merged. */
export async function listJobsPage(
  services: Services,
  database: D1Database,
  namespace: string,
  query: JobListQuery,
): Promise<Page<JobListItem>> {
  const filter = filterOf(query);
  const list = `jobs:${hash32(`${namespace} ${canonicalJson(filter)}`)}`;
  let before = await openCursor(services.signer, list, query.cursor);
  const found: Job[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const limit = query.limit - found.length;
    const request = { namespace, filter, before, limit, include: query.include };
    const [shards, history] = await Promise.all([
      askShards(services, request),
      askHistory(services, database, request),
    ]);
    const page = mergePages([...shards, withoutDeleted(history, shards)], limit);
    found.push(...page.items);
    before = page.before;
    if (before === null || found.length >= query.limit) break;
  }
  const nextCursor = before === null ? null : await makeCursor(services.signer, list, before);
  return { items: found.map((job) => listItem(job, query.include)), nextCursor };
}

interface PageRequest {
  namespace: string;
  filter: JobFilter;
  before: string | null;
  limit: number;
  include: JobListQuery["include"];
}

function filterOf(query: JobListQuery): JobFilter {
  return {
    queue: query.queue ?? null,
    state: query.state ?? null,
    tag: query.tag ?? null,
    orderingKey: query.orderingKey ?? null,
    createdAfter: query.createdAfter === undefined ? null : parseTimestamp(query.createdAfter),
    createdBefore: query.createdBefore === undefined ? null : parseTimestamp(query.createdBefore),
  };
}

function askShards({ shards }: Services, request: PageRequest): Promise<ListReply[]> {
  return shards.all({ again: true }, (shard, head) => shard.list({ ...head, ...request }));
}

/** Only finished jobs are in history, so a list of unfinished ones needs no database. */
async function askHistory(services: Services, database: D1Database, request: PageRequest): Promise<Source> {
  const { namespace, filter, before, limit } = request;
  if (filter.state === "scheduled" || filter.state === "queued" || filter.state === "running") {
    return { items: [], scannedTo: null };
  }
  const rows = await fromHistory(() => listJobs(primary(database), { namespace, ...filter }, { before, limit }));
  const last = rows.at(-1);
  const scannedTo = rows.length < limit || last === undefined ? null : last.id;
  return { items: await withoutHeld(services, rows), scannedTo };
}

/** History may still have what a shard has deleted, succeeded jobs too. */
export function withoutDeleted(history: Source, shards: Pick<ListReply, "gone">[]): Source {
  const gone = new Set(shards.flatMap((shard) => shard.gone ?? []));
  return { ...history, items: history.items.filter(({ id }) => !gone.has(id)) };
}

/** A job that failed or was cancelled can have been redriven since: if its shard still holds it, the shard tells it. */
export async function withoutHeld<J extends Pick<Job, "id" | "state">>(
  { shards }: Pick<Services, "shards">,
  jobs: J[],
): Promise<J[]> {
  const doubtful = jobs.filter((job) => job.state !== "succeeded").map((job) => job.id);
  if (doubtful.length === 0) return jobs;
  const map = await shards.map();
  const byOwner = Map.groupBy(doubtful, (id) => ownerOf(map, parseJobId(id)?.slot ?? 0));
  const held = await Promise.all(
    [...byOwner].map(([shard, ids]) =>
      shards.once(shard, { again: true }, (stub, head) => stub.held({ ...head, ids })),
    ),
  );
  const theirs = new Set(held.flat());
  return jobs.filter((job) => !theirs.has(job.id));
}
