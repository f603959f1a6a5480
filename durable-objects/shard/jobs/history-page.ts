import { historyCells } from "../../../contract/history.ts";
import type { FinishedReply, FinishedRequest } from "../../../contract/rpc.ts";
import { isFinal, type RowState } from "../../../domain/job/state.ts";
import { inChunks } from "../../chunks.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { HISTORY_LOG, jobsOf } from "./history-log.ts";
import { toJob } from "./job-row.ts";
import { JOBS } from "./job-store.ts";

function isOver(state: RowState): boolean {
  return state === "discarded" || isFinal(state);
}

/** A page must fit in one RPC (32 MiB), where a character may take two bytes. */
const PAGE_CHARACTERS = 6 * 1024 * 1024;
/** Finished jobs read at once: 10 of the largest (256 KiB in, 256 KiB out) beyond a full page are another 5 MiB. */
const ROWS_AT_ONCE = 10;

/**
 * The next finished jobs for history, in the order they finished, in pages that fit in one RPC. A page may end
 * inside an entry of the log: `skip` says how many of that entry's jobs it has given, while the cursor stays before it.
 */
export function historyPage(parts: Parts, request: FinishedRequest): FinishedReply {
  const entries = parts.get(HISTORY_LOG).after(request.after, request.limit);
  const rows: ReturnType<typeof historyCells>[] = [];
  let cursor = request.after;
  let characters = 0;
  for (const entry of entries) {
    const logged = jobsOf(entry.jobs);
    for (let next = cursor === request.after ? request.skip : 0; next < logged.length; next += ROWS_AT_ONCE) {
      if (rows.length >= request.limit || characters > PAGE_CHARACTERS) {
        return { chunks: inChunks(rows), jobs: rows.length, cursor, skip: next, more: true };
      }
      const versions = new Map(logged.slice(next, next + ROWS_AT_ONCE));
      for (const row of parts.get(JOBS).rows([...versions.keys()])) {
        // Redriven since: it comes again under the version with which it ends again.
        if (!isOver(row.state) || row.version !== versions.get(row.id)) continue;
        rows.push(historyCells(toJob(row, parts.get(QUEUES).get(row.queue).settings)));
        characters += row.payload.length + (row.result?.length ?? 0);
      }
    }
    cursor = entry.seq;
  }
  return { chunks: inChunks(rows), jobs: rows.length, cursor, skip: 0, more: entries.length === request.limit };
}
