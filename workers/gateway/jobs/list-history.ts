import type { Consistency } from "../../../contract/job.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { JobFields, JobFilter, ListReply, LogPosition } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { primary } from "../../db/client.ts";
import { type CopyPage, pageOfCopy } from "../../db/copies.ts";
import { queueIdIn } from "../../db/queues.ts";
import { pageOfAll } from "../../db/spread-reads.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { eventual, type Freshness, STRONG } from "../sessions/freshness.ts";
import { fromCopy } from "./job-read.ts";

export interface PageRequest {
  namespace: string;
  filter: JobFilter;
  before: string | null;
  limit: number;
  include: JobFields;
}

/** One shard's page, and how far its log was then. */
export interface ShardPage {
  shard: string;
  reply: ListReply;
  log: LogPosition;
}

/** History's page. */
export interface HistoryPage {
  items: Job[];
  scannedTo: string | null;
  freshness: Freshness;
}

/** Only finished jobs are in history, so a list of unfinished ones needs no database. */
export function needsHistory({ filter: { state } }: PageRequest): boolean {
  return state !== "scheduled" && state !== "queued" && state !== "running";
}

/**
 * History's part of a page whose other parts are `asked` of the shards meanwhile. A copy will do below `strong`, where no
 * job can fall between it and the shards.
 */
export async function historyPage(
  context: Context,
  { level, ...request }: PageRequest & { level: Consistency },
  asked: Promise<Result<ShardPage[]>>,
): Promise<Result<HistoryPage>> {
  const { session, services } = context;
  const { namespace, filter, before, limit, include } = request;
  if (services.databases.length > 1) return pageOfSeveral(context, request, asked);
  const read = (db: Parameters<typeof pageOfCopy>[0]) =>
    pageOfCopy(db, { namespace, ...filter }, { before, limit, include });
  const fromPrimary = async (): Promise<Result<HistoryPage>> => {
    const page = await fromDatabase(() => session.primary(read));
    return isProblem(page) ? page : pageFrom(page);
  };
  if (level === "strong") {
    const both = await together([asked, fromDatabase(() => session.primary(read))]);
    if (isProblem(both)) return both;
    const [pages, page] = both;
    // A job that left its shard in between is in neither: what is read now has it.
    return hasLeft(page, pages) ? pageFrom(page) : fromPrimary();
  }
  const near = fromCopy(() => (level === "session" ? session.nearest(read) : session.any(read)));
  const both = await together([asked, near]);
  if (isProblem(both)) return both;
  const [pages, copy] = both;
  const map = await context.services.shards.map();
  if (isProblem(map)) return map;
  if (copy !== null && hasLeft(copy, pages) && knowsFailures(copy, pages, map)) {
    const freshness = freshnessOf(level, copy.writtenAt, context.clock());
    if (freshness !== null) return { ...pageFrom(copy), freshness };
  }
  return fromPrimary();
}

/** Of several databases, each by its primary: copies of them are of different moments. */
async function pageOfSeveral(
  { session, services }: Context,
  { namespace, filter, before, limit, include }: PageRequest,
  asked: Promise<Result<ShardPage[]>>,
): Promise<Result<HistoryPage>> {
  session.touch();
  const { queue } = filter;
  const named = async () =>
    queue === null ? {} : { queueId: await queueIdIn(primary(services.database), namespace, queue) };
  const read = () =>
    fromDatabase(async () =>
      pageOfAll(services, { namespace, ...filter, ...(await named()) }, { before, limit, include }),
    );
  const both = await together([asked, read()]);
  if (isProblem(both)) return both;
  const [pages, page] = both;
  const found = hasLeft(page, pages) ? page : await read();
  return isProblem(found) ? found : pageFrom(found);
}

function pageFrom({ jobs, scannedTo }: CopyPage): HistoryPage {
  return { items: jobs, scannedTo, freshness: STRONG };
}

/** Of a copy that has every write to history from before `writtenAt`. Null: it must not be told. */
function freshnessOf(level: "session" | "eventual", writtenAt: number | null, now: number): Freshness | null {
  if (level === "session") return { level };
  return writtenAt === null ? null : eventual(writtenAt, now);
}

/** Whether the copy has every job that had left its shard when that gave its page. */
function hasLeft(copy: CopyPage, pages: ShardPage[]): boolean {
  return pages.every(({ shard, log }) => reached(copy, shard) >= log.forgotten);
}

/**
 * A job that the copy has as failed or cancelled may have been redriven since, and have come to another end, and have left
 * its shard just now, after that gave its page: only a copy that knew all ends of that moment tells its last.
 */
function knowsFailures(copy: CopyPage, pages: ShardPage[], map: SlotMap): boolean {
  const ends = new Map(pages.map(({ shard, log }) => [shard, log.seq]));
  return copy.jobs.every(({ id, state }) => {
    if (state === "succeeded") return true;
    const shard = ownerOf(map, parseJobId(id)?.slot ?? 0);
    return reached(copy, shard) >= (ends.get(shard) ?? Number.POSITIVE_INFINITY);
  });
}

function reached({ cursors }: CopyPage, shard: string): number {
  return cursors.get(shard) ?? 0;
}
