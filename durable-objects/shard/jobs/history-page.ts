import { erasedCells, historyCells } from "../../../contract/history.ts";
import type { FinishedReply, FinishedRequest } from "../../../contract/rpc.ts";
import { isFinal, type RowState } from "../../../domain/job/state.ts";
import { projectionPauseMs } from "../../../domain/projection-pace.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { inChunks } from "../../chunks.ts";
import type { Parts } from "../kernel/part.ts";
import { readable } from "../kernel/quarantine.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { HISTORY } from "./history.ts";
import { EACH_ENTRY, HISTORY_LOG, jobsOf, type LoggedJob } from "./history-log.ts";
import { type JobRow, toJob } from "./job-row.ts";
import { EACH_JOB, JOBS } from "./job-store.ts";
import { METRICS } from "./metrics.ts";
import { packOf } from "./packs/pack-log.ts";
import { PACKED_VERSIONS } from "./packs/pack-rows.ts";
import { PACKS } from "./packs/packs.ts";
import { type FinishedHead, finishedHeads, succeededPages } from "./succeeded-pages.ts";
import { UNPROJECTED } from "./unprojected.ts";

function isOver(state: RowState): boolean {
  return state === "discarded" || isFinal(state);
}

/**
 * A page must fit in one RPC (32 MiB = 33.5 MB): a character may take two bytes, and JSON writes two for many. Beyond a full
 * page there may be one of the largest jobs, of 256 KiB in, 256 KiB out and 60 kB of attempts: (2.1 + 0.6) x 2 x 2 = 10.8 MB.
 */
const PAGE_BYTES = 2 * 1024 * 1024;
/** Reads of the log for one page: entries that history hears nothing of are passed over without an answer for each. */
const MOST_READS = 10;
/** Finished jobs read at once where each is a row. */
const ROWS_AT_ONCE = 10;

/** How far a projector is: it has everything up to `cursor`, and `skip` jobs of the entry behind that. */
interface Position {
  cursor: number;
  skip: number;
}

/** A job that the log names, and how far one is who has it. */
interface Named {
  job: LoggedJob;
  reached: Position;
}

/**
 * The next finished jobs for history, in the order they finished, in pages that fit in one RPC. A page may end
 * inside an entry of the log: `skip` says how many of that entry's jobs it has given, while the cursor stays before it.
 */
export function historyPage(parts: Parts, request: FinishedRequest, now: number): FinishedReply {
  const { named, end, more } = nextNamed(parts, request, now);
  const heads = finishedHeads(
    parts,
    named.map(({ job: [id] }) => id),
    now,
  );
  const taken: FinishedHead[] = [];
  let bytes = 0;
  let position: (Position & { more: boolean }) | null = null;
  const erased = new Set<string>();
  for (const [i, { job, reached }] of named.entries()) {
    const head = heads.get(job[0]);
    // Redriven since: it comes again under the version with which it ends again.
    if (head === undefined || head.version !== job[1] || !isOver(head.state as RowState)) continue;
    taken.push(head);
    if (job[2] === "erase") erased.add(head.id);
    else bytes += head.bytes;
    if (bytes <= PAGE_BYTES || i === named.length - 1) continue;
    position = { ...reached, more: true };
    break;
  }
  const content = contentOf(parts, taken, { pages: request.pages === true, erased, now });
  const atWork = parts.get(METRICS).atWork(now);
  const pauseMs = projectionPauseMs({ atWork, lacking: parts.get(UNPROJECTED).total });
  return { ...content, ...(position ?? { ...end, more }), projected: parts.get(HISTORY).projected, pauseMs };
}

/** In the place of a job for which its pack no longer speaks: an entry of its own names it, perhaps the same. */
const NO_JOB: LoggedJob = ["", 0];

/**
 * The jobs that an entry of the log names and history is to hear of, those of a pack in its place. Each has a number of its own
 * among them, and keeps it whatever leaves the pack.
 */
function namedBy(parts: Parts, logged: readonly LoggedJob[]): LoggedJob[] {
  const packs = parts.get(PACKS);
  return logged.flatMap((job): LoggedJob[] => {
    if (job[2] === "skip") return [];
    const pack = packOf(job[0]);
    if (pack === null) return [job];
    const head = packs.get(pack);
    if (head === null) return [];
    return packs.ids(head).map((id, at) => (head.gone.has(at) ? NO_JOB : [id, PACKED_VERSIONS.succeeded]));
  });
}

/** The jobs of a reply, in pages and in rows. */
function contentOf(
  parts: Parts,
  heads: FinishedHead[],
  { pages: inPages, erased, now }: { pages: boolean; erased: ReadonlySet<string>; now: number },
): Pick<FinishedReply, "chunks" | "pages" | "jobs"> {
  const copied = erased.size === 0 ? heads : heads.filter(({ id }) => !erased.has(id));
  const paged = inPages ? copied.filter((head) => head.paged === 1) : [];
  const pages = succeededPages(parts, paged) ?? [];
  const alone = pages.length === 0 ? copied : copied.filter((head) => head.paged === 0);
  const rows = rowsOf(
    parts,
    alone.map(({ id }) => id),
    now,
  );
  for (const head of heads) if (erased.has(head.id)) rows.push(tombstoneOf(parts, head, now));
  const jobs = rows.length + pages.reduce((sum, { n }) => sum + n, 0);
  return { chunks: inChunks(rows), ...(inPages ? { pages } : {}), jobs };
}

/** What takes the place of a job that history may have as it was before, and is not to have. */
function tombstoneOf(parts: Parts, { id, queue, version }: FinishedHead, now: number): ReturnType<typeof historyCells> {
  const { settings } = parts.get(QUEUES).get(queue);
  return erasedCells({ id, version, settings, now });
}

/** The jobs as rows, in the order of `ids`. */
function rowsOf(parts: Parts, ids: string[], now: number): ReturnType<typeof historyCells>[] {
  const found: ReturnType<typeof historyCells>[] = [];
  for (let next = 0; next < ids.length; next += ROWS_AT_ONCE) {
    const some = ids.slice(next, next + ROWS_AT_ONCE);
    const rows = new Map(
      parts
        .get(JOBS)
        .rows(some)
        .map((row) => [row.id, row]),
    );
    for (const id of some) {
      const row = rows.get(id);
      if (row === undefined) continue;
      const make = () => cellsOf(row, parts.get(QUEUES).get(row.queue).settings);
      const cells = readable(parts, { kind: EACH_JOB.kind, key: id }, { now, make });
      if (cells !== null) found.push(cells);
    }
  }
  return found;
}

function cellsOf(row: JobRow<RowState>, settings: QueueSettings): ReturnType<typeof historyCells> {
  const job = toJob(row, settings);
  return historyCells(settings.keepPayload === false ? { ...job, payload: "null", payloadKept: false } : job);
}

/** As `namedJobs`, over entries of which history is to hear nothing, a bounded number. */
function nextNamed(parts: Parts, request: FinishedRequest, now: number): ReturnType<typeof namedJobs> {
  let next = namedJobs(parts, request, now);
  for (let reads = 1; next.named.length === 0 && next.more && reads < MOST_READS; reads++) {
    const { cursor, skip } = next.end;
    next = namedJobs(parts, { ...request, after: cursor, skip }, now);
  }
  return next;
}

/** The next jobs that the log names, at most `limit`, and where one is who has them all. */
function namedJobs(
  parts: Parts,
  { after, skip, limit }: FinishedRequest,
  now: number,
): { named: Named[]; end: Position; more: boolean } {
  const entries = parts.get(HISTORY_LOG).after(after, limit);
  const named: Named[] = [];
  let cursor = after;
  for (const entry of entries) {
    const name = { kind: EACH_ENTRY.kind, key: EACH_ENTRY.keyOf(entry) };
    // One that cannot be read stays in the log, and holds nothing behind it up.
    const logged = readable(parts, name, { now, make: () => namedBy(parts, jobsOf(entry.jobs)) }) ?? [];
    for (let next = cursor === after ? skip : 0; next < logged.length; next += 1) {
      if (named.length >= limit) return { named, end: { cursor, skip: next }, more: true };
      const job = logged[next];
      const isLast = next === logged.length - 1;
      if (job !== undefined)
        named.push({ job, reached: isLast ? { cursor: entry.seq, skip: 0 } : { cursor, skip: next + 1 } });
    }
    cursor = entry.seq;
  }
  return { named, end: { cursor, skip: 0 }, more: entries.length === limit };
}
