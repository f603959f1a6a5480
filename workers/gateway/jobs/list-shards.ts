import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { ListReply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { Services } from "../services.ts";
import type { PageRequest, ShardPage } from "./list-history.ts";

type Shards = Pick<Services, "shards">;

/**
 * Characters of texts that all shards together give for one round: an isolate has 128 MB, in which a character may take two bytes, for
 * several lists at once, and a page is in it as jobs and as text.
 */
const ROUND_CHARACTERS = 8 * 1024 * 1024;
/** What one shard gives at least: of large jobs one. */
const LEAST_CHARACTERS = 128 * 1024;
/** Of the shards among which jobs lie evenly, each has no more than this many times its part of a page, and so many jobs more. */
const UNEVEN = 2;
const UNEVEN_JOBS = 6;

/**
 * The newest jobs of all shards, as many as the page takes of each. A page of 50 over 16 shards has three or four of each where jobs lie evenly:
 * first each is asked for a few, and then those again that may have more of the page, as where all of it is a batch in one partition.
 */
export async function askShards({ shards }: Shards, request: PageRequest): Promise<Result<ShardPage[]>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const ids = map.shards.map(({ id }) => id);
  const few = Math.min(request.limit, UNEVEN * Math.ceil(request.limit / ids.length) + UNEVEN_JOBS);
  const pages = await askThese({ shards }, { ...request, limit: few }, new Set(ids));
  if (isProblem(pages)) return pages;
  const last = lastOf(pages, request.limit);
  return Promise.all(pages.map((page) => completed({ shards }, request, { page, few, last, of: ids.length })));
}

/** The newest jobs of these shards. */
export function askThese({ shards }: Shards, request: PageRequest, ids: Set<string>): Promise<Result<ShardPage[]>> {
  return together([...ids].map((id) => ask(shards, id, { ...request, characters: charactersOfEach(ids.size) })));
}

export function charactersOf(jobs: Job[]): number {
  return jobs.reduce((sum, { payload, result }) => sum + payload.length + (result?.length ?? 0), 0);
}

function charactersOfEach(shards: number): number {
  return Math.max(LEAST_CHARACTERS, Math.floor(ROUND_CHARACTERS / shards));
}

/** The id with which a page of these jobs would be full; null when it would not be. */
function lastOf(pages: ShardPage[], limit: number): string | null {
  const ids = pages.flatMap(({ reply }) => reply.items.map(({ id }) => id)).sort();
  return ids.at(-limit) ?? null;
}

/** The page with what lies below it in the shard, where that may belong to the page of all. */
async function completed(
  { shards }: Shards,
  request: PageRequest,
  { page, few, last, of }: { page: ShardPage; few: number; last: string | null; of: number },
): Promise<ShardPage> {
  const { items, scannedTo, gone } = page.reply;
  const isCut = items.length === few && few < request.limit;
  if (!isCut || scannedTo === null || (last !== null && scannedTo < last)) return page;
  const characters = Math.max(LEAST_CHARACTERS, charactersOfEach(of) - charactersOf(items));
  const rest = { ...request, before: scannedTo, limit: request.limit - items.length, characters };
  const more = await ask(shards, page.shard, rest);
  // What is known is a page by itself, a shorter one.
  if (isProblem(more)) return page;
  const reply: ListReply = {
    ...more.reply,
    items: [...items, ...more.reply.items],
    gone: [...gone, ...more.reply.gone],
  };
  return { ...more, reply };
}

async function ask(
  shards: Services["shards"],
  id: string,
  request: PageRequest & { characters: number },
): Promise<Result<ShardPage>> {
  const list = (shard: ShardApi, head: ShardCall) => shard.list({ ...head, ...request });
  const page = await shards.onceWithLog(id, { idempotent: true }, list);
  return isProblem(page) ? page : { shard: id, reply: page.result, log: page.log };
}
