import { canonicalJson } from "../../../contract/canonical-json.ts";
import type { Consistency, JobListItem, JobListQuery } from "../../../contract/job.ts";
import type { Page } from "../../../contract/list.ts";
import { invalid, isProblem, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { JobFilter, ListReply } from "../../../contract/rpc.ts";
import { parseTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { hash32 } from "../../../domain/slots.ts";
import { makeCursor, openCursor } from "../access/cursor.ts";
import type { Context } from "../context.ts";
import { LATE, within } from "../deadline.ts";
import { type Freshness, STRONG } from "../sessions/freshness.ts";
import { type ExistingIds, existingIdsOf, notIn } from "./existing-ids.ts";
import { listItem } from "./job-view.ts";
import { historyPage, needsHistory, type PageRequest, type ShardPage } from "./list-history.ts";
import { askShards, askThese, charactersOf } from "./list-shards.ts";

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

/** Pages that a filter leaves thin are filled by asking on, at most this often, and for so long, in ms. */
const MAX_ROUNDS = 4;
const LIST_MS = 5_000;
/** Characters of texts after which there is no other round. */
const PAGE_CHARACTERS = 4 * 1024 * 1024;

export interface ListAnswer {
  page: Page<JobListItem>;
  freshness: Freshness;
}

/**
 * One page of `GET /v1/jobs`: all shards and history, merged. What was found when the time is over is the page, and the next
 * goes on from there.
 */
export async function listJobsPage(context: Context, query: JobListQuery): Promise<Result<ListAnswer>> {
  const unbounded = unboundedFilter(query);
  if (unbounded !== null) return unbounded;
  const { services } = context;
  const until = context.clock() + LIST_MS;
  const { namespace } = context.caller;
  const filter = filterOf(query);
  const list = `jobs:${hash32(`${namespace} ${canonicalJson(filter)}`)}`;
  const after = await openCursor(services.signer, list, query.cursor);
  if (isProblem(after)) return after;
  let before = after;
  const found: Job[] = [];
  let freshness = STRONG;
  let received = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const limit = query.limit - found.length;
    const request = { namespace, filter, before, limit, include: query.include };
    const asked = await within(Math.max(0, until - context.clock()), askAll(context, request, query.consistency));
    if (asked === LATE && round > 0) break;
    if (asked === LATE) return unavailable.part();
    if (isProblem(asked)) return asked;
    freshness = lessFresh(freshness, asked.freshness);
    const page = mergePages(asked.sources, limit);
    found.push(...page.items);
    before = page.before;
    received += asked.sources.reduce((sum, { items }) => sum + charactersOf(items), 0);
    if (before === null || found.length >= query.limit || (found.length > 0 && received >= PAGE_CHARACTERS)) break;
  }
  const nextCursor = before === null ? null : await makeCursor(services.signer, list, before);
  const page = { items: found.map((job) => listItem(job, query.include)), nextCursor };
  return { page, freshness };
}

/** No index has the jobs of all queues by these: without one queue or a time they would be looked for in all there is. */
function unboundedFilter(query: JobListQuery): Problem | null {
  const bounded = [query.queue, query.createdAfter, query.createdBefore].some((bound) => bound !== undefined);
  const named = (["tag", "orderingKey"] as const).find((name) => query[name] !== undefined);
  if (bounded || named === undefined) return null;
  return invalid.field(`/${named}`, `${named} needs queue, createdAfter or createdBefore beside it.`);
}

/** Shards first, those that were asked again before all, then history without what they know better. */
async function askAll(
  context: Context,
  request: PageRequest,
  level: Consistency,
): Promise<Result<{ sources: Source[]; freshness: Freshness }>> {
  const { services } = context;
  const asked = askShards(services, request);
  if (!needsHistory(request)) {
    const pages = await asked;
    return isProblem(pages) ? pages : { sources: pages.map(({ reply }) => reply), freshness: STRONG };
  }
  const history = await historyPage(context, { ...request, level }, asked);
  if (isProblem(history)) return history;
  const existing = await existingIdsOf(services, history.items);
  if (isProblem(existing)) return existing;
  const pages = await asked;
  if (isProblem(pages)) return pages;
  const late = await askThese(services, request, unlisted(existing, pages));
  if (isProblem(late)) return late;
  const items = notIn(existing, history.items);
  const known = [...late, ...pages].map(({ reply }) => reply);
  const earlier = pages.map(({ reply }) =>
    withoutDeleted(
      reply,
      late.map((page) => page.reply),
    ),
  );
  const sources = [...late.map(({ reply }) => reply), ...earlier, withoutDeleted({ ...history, items }, known)];
  return { sources, freshness: history.freshness };
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

/**
 * Shards that hold a job which their page should have had, if it matches the filter: it had left its shard, and was revived
 * after the page. A page from after that has it as it is now. Those of before stay beside it, with what has left since.
 */
function unlisted(existing: ExistingIds[], pages: ShardPage[]): Set<string> {
  const replies = new Map(pages.map(({ shard, reply }) => [shard, reply]));
  const lacks = ({ shard, ids }: ExistingIds) => {
    const { items = [], scannedTo = null } = replies.get(shard) ?? {};
    const listed = new Set(items.map(({ id }) => id));
    return ids.some((id) => !listed.has(id) && (scannedTo === null || id > scannedTo));
  };
  return new Set(existing.filter(lacks).map(({ shard }) => shard));
}

/** A page is what its least fresh part is. */
function lessFresh(a: Freshness, b: Freshness): Freshness {
  if (a.level === "eventual" && b.level === "eventual") return a.ageSeconds > b.ageSeconds ? a : b;
  return a.level === "strong" ? b : a;
}

/** History, or an earlier page, may still have what a shard has deleted, succeeded jobs too. */
export function withoutDeleted(source: Source, shards: Pick<ListReply, "gone">[]): Source {
  const gone = new Set(shards.flatMap((shard) => shard.gone));
  return { ...source, items: source.items.filter(({ id }) => !gone.has(id)) };
}
