/** Jobs as they go to history and as they lie there: by column, read back without the code under test. */
import { HISTORY_COLUMNS } from "../../contract/history.ts";
import type { Attempt, Job } from "../../domain/job.ts";

type Cell = string | number | null;

/** A row of history by the names of its columns. */
export function jobOfRow(row: Record<string, Cell>): Job {
  return {
    ...(JSON.parse(String(row.record)) as Job),
    payload: String(row.payload),
    result: row.result === null || row.result === undefined ? null : String(row.result),
    attempts: JSON.parse(String(row.attempts)) as Attempt[],
  };
}

/** The jobs of a page on its way to history. */
export function jobsOfChunks(chunks: string[]): Job[] {
  return chunks.flatMap((chunk) =>
    (JSON.parse(chunk) as Cell[][]).map((cells) =>
      jobOfRow(Object.fromEntries(HISTORY_COLUMNS.map((column, i) => [column, cells[i] ?? null]))),
    ),
  );
}
