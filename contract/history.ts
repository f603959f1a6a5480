import { boundedAttempts } from "../domain/job/attempts.ts";
import type { Job } from "../domain/job/job.ts";
import type { JobState } from "../domain/job/state.ts";
import { type QueueSettings, queueId } from "../domain/queue.ts";

/**
 * Finished jobs on their way from a shard to history: JSON arrays of rows, a row being an array of cells in the
 * order of `HISTORY_COLUMNS`. The shard writes the text once, the processor carries it, and D1 takes it apart: nobody
 * in between builds objects out of it, which would cost more than all the rest of the way.
 */
export const HISTORY_COLUMNS = [
  "id",
  "namespace",
  "queue",
  "state",
  "version",
  "ordering_key",
  "finished_at",
  "record",
  "payload",
  "result",
  "attempts",
] as const;

type Cell = string | number | null;

/** `discarded`: a tombstone, emptied. It takes the place of the job's copy in history until retention ends. */
export type HistoryJob = Omit<Job, "state"> & { state: JobState | "discarded" };

/**
 * A finished job as history keeps it. `record` is the job without its long columns; `queue` is the `queueId`, so that the jobs
 * of a queue that was deleted are not those of a later one of its name.
 */
export function historyCells(job: HistoryJob): Cell[] {
  const { payload, result, attempts, ...record } = job;
  const { id, namespace, state, version, orderingKey } = job;
  const finishedAt = job.finishedAt ?? job.createdAt;
  const texts = [JSON.stringify(record), payload, result, JSON.stringify(boundedAttempts(attempts))];
  return [id, namespace, queueId(job.queue, job), state, version, orderingKey, finishedAt, ...texts];
}

/** A tombstone: it takes the place of whatever history has of an earlier version of the job. `now` is epoch ms. */
export function erasedCells(job: { id: string; version: number; settings: QueueSettings; now: number }): Cell[] {
  const { id, version, settings, now } = job;
  const { namespace, name } = settings;
  return [id, namespace, queueId(name, settings), "discarded", version, null, now, "{}", "null", null, "[]"];
}
