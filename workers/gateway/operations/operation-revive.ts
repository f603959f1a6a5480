import { isProblem, type Result } from "../../../contract/problems.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Db } from "../../db/client.ts";
import { type HistoryRecord, wholeJobs } from "../../db/operation-history.ts";
import { revive } from "../dead-letters/revive.ts";
import type { Services } from "../services.ts";

/** Jobs read and sent at once: 20 of the largest are ten megabytes. */
const JOBS_PER_CALL = 20;

/** When the next job may start, epoch ms, and how far apart they are. */
export interface Pace {
  nextAt: number;
  everyMs: number;
}

/**
 * Puts jobs that history alone has back in line, each on its shard; answers how many. Those that can never come back
 * stay as they are. A call that comes twice finds that the jobs of the first exist, and does nothing to them.
 */
export async function reviveAll(
  services: Services,
  db: Db,
  { records, pace, now }: { records: HistoryRecord[]; pace: Pace | null; now: number },
): Promise<Result<number>> {
  const namespace = records[0]?.namespace ?? "";
  const queues = await queuesOf(services, records, { namespace, now });
  if (isProblem(queues)) return queues;
  const able = records.filter(({ queue }) => queues.has(queue));
  let count = 0;
  // A read of whole jobs for each call, and not for each queue: D1 has a limit of them, and a filter may name no queue.
  for (let start = 0; start < able.length; start += JOBS_PER_CALL) {
    const ids = able.slice(start, start + JOBS_PER_CALL).map(({ id }) => id);
    const revivals = (await wholeJobs(db, namespace, ids)).map((job) => ({ job, delayMs: nextDelay(pace, now) }));
    for (const [queue, theirs] of Map.groupBy(revivals, ({ job }) => job.queue)) {
      const settings = queues.get(queue);
      if (settings === undefined) continue;
      const results = await revive(services, theirs, { settings, patch: null, action: "redrive", movingTo: null });
      if (isProblem(results)) return results;
      count += results.filter(({ type }) => type === "revived").length;
    }
  }
  return count;
}

function nextDelay(pace: Pace | null, now: number): number {
  if (pace === null) return 0;
  const startAt = Math.max(now, pace.nextAt);
  pace.nextAt = startAt + pace.everyMs;
  return Math.floor(startAt - now);
}

/** The settings of the jobs' queues, without those that were deleted: their jobs can never come back. */
async function queuesOf(
  { settings }: Services,
  records: HistoryRecord[],
  { namespace, now }: { namespace: string; now: number },
): Promise<Result<Map<string, QueueSettings>>> {
  const names = [...new Set(records.map(({ queue }) => queue))];
  const queues = new Map<string, QueueSettings>();
  for (const found of await settings.several(namespace, names, now)) {
    if (!isProblem(found)) queues.set(found.name, found);
    else if (found.code !== "queue-not-found") return found;
  }
  return queues;
}
