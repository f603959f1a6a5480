import { historyCells } from "../../../contract/history.ts";
import type { FinishedReply, FinishedRequest } from "../../../contract/rpc.ts";
import { isPlatformFault } from "../../../domain/fault.ts";
import { isFinal, type RowState } from "../../../domain/job/state.ts";
import { inChunks } from "../../chunks.ts";
import type { Parts } from "../kernel/part.ts";
import { readable } from "../kernel/quarantine.ts";
import { packOf } from "../packs/pack-log.ts";
import { PACKED_VERSIONS } from "../packs/pack-rows.ts";
import { PACKS } from "../packs/packs.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { EACH_ENTRY, HISTORY_LOG, jobsOf, type LoggedJob } from "./history-log.ts";
import { type JobRow, toJob } from "./job-row.ts";
import { EACH_JOB, JOBS } from "./job-store.ts";

function isOver(state: RowState): boolean {
  return state === "discarded" || isFinal(state);
}

/**
 * A page must fit in one RPC (32 MiB = 33.5 MB): a character may take two bytes, and JSON writes two for many. Beyond a full
 * page there may be ten of the largest jobs, of 256 KiB in, 256 KiB out and 60 kB of attempts each: (2.1 + 10 x 0.6) x 2 x 2 = 32.4 MB.
 */
const PAGE_CHARACTERS = 2 * 1024 * 1024;
/** Finished jobs read at once. */
const ROWS_AT_ONCE = 10;

/** In the place of a job for which its pack no longer speaks: an entry of its own names it, perhaps the same. */
const NO_JOB: LoggedJob = ["", 0];

/**
 * The jobs that an entry of the log names, those of a pack in its place. Each has a number of its own among them, and keeps it
 * whatever leaves the pack.
 */
function namedBy(parts: Parts, logged: readonly LoggedJob[]): LoggedJob[] {
  const packs = parts.get(PACKS);
  return logged.flatMap((job): LoggedJob[] => {
    const pack = packOf(job[0]);
    if (pack === null) return [job];
    const head = packs.get(pack);
    if (head === null) return [];
    return packs.ids(head).map((id, at) => (head.gone.has(at) ? NO_JOB : [id, PACKED_VERSIONS.succeeded]));
  });
}

/** The rows of these jobs. One that cannot be read is left out, and set aside. */
function readableRows(parts: Parts, ids: readonly string[], now: number): JobRow<RowState>[] {
  try {
    return parts.get(JOBS).rows(ids);
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    const one = (id: string) =>
      readable(parts, { kind: EACH_JOB.kind, key: id }, { now, make: () => parts.get(JOBS).rows([id]) });
    return ids.flatMap((id) => one(id) ?? []);
  }
}

/** The characters of all the cells of a row. */
function charactersOf(cells: ReturnType<typeof historyCells>): number {
  return cells.reduce<number>((sum, cell) => sum + (typeof cell === "string" ? cell.length : 0), 0);
}

/**
 * The next finished jobs for history, in the order they finished, in pages that fit in one RPC. A page may end
 * inside an entry of the log: `skip` says how many of that entry's jobs it has given, while the cursor stays before it.
 */
export function historyPage(parts: Parts, request: FinishedRequest, now: number): FinishedReply {
  const entries = parts.get(HISTORY_LOG).after(request.after, request.limit);
  const rows: ReturnType<typeof historyCells>[] = [];
  let cursor = request.after;
  let characters = 0;
  for (const entry of entries) {
    const name = { kind: EACH_ENTRY.kind, key: EACH_ENTRY.keyOf(entry) };
    // One that cannot be read stays in the log, and holds nothing behind it up.
    const logged = readable(parts, name, { now, make: () => namedBy(parts, jobsOf(entry.jobs)) }) ?? [];
    for (let next = cursor === request.after ? request.skip : 0; next < logged.length; next += ROWS_AT_ONCE) {
      if (rows.length >= request.limit || characters > PAGE_CHARACTERS) {
        return { chunks: inChunks(rows), jobs: rows.length, cursor, skip: next, more: true };
      }
      const versions = new Map(logged.slice(next, next + ROWS_AT_ONCE));
      for (const row of readableRows(parts, [...versions.keys()], now)) {
        // Redriven since: it comes again under the version with which it ends again.
        if (!isOver(row.state) || row.version !== versions.get(row.id)) continue;
        const job = { kind: EACH_JOB.kind, key: row.id };
        const make = () => historyCells(toJob(row, parts.get(QUEUES).get(row.queue).settings));
        const cells = readable(parts, job, { now, make });
        if (cells === null) continue;
        rows.push(cells);
        characters += charactersOf(cells);
      }
    }
    cursor = entry.seq;
  }
  return { chunks: inChunks(rows), jobs: rows.length, cursor, skip: 0, more: entries.length === request.limit };
}
