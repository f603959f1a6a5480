/** The text in which finished jobs go to history, made and read back for tests. */
import { HISTORY_COLUMNS, historyCells } from "../../contract/history.ts";
import type { Attempt, Job } from "../../domain/job/job.ts";
import { inChunks } from "../../durable-objects/chunks.ts";

export function chunksOf(...jobs: Job[]): string[] {
  return inChunks(jobs.map(historyCells));
}

export function jobsIn(chunks: string[]): Job[] {
  return chunks.flatMap((chunk) => (JSON.parse(chunk) as (string | number | null)[][]).map(jobOf));
}

function jobOf(cells: (string | number | null)[]): Job {
  const [record, payload, result, attempts] = cells.slice(HISTORY_COLUMNS.indexOf("record"));
  return {
    ...(JSON.parse(String(record)) as Omit<Job, "payload" | "result" | "attempts">),
    payload: String(payload),
    result: result === null || result === undefined ? null : String(result),
    attempts: JSON.parse(String(attempts)) as Attempt[],
  };
}
