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
  let count = 0;
  for (const group of Map.groupBy(records, ({ queue }) => queue).values()) {
    const [first] = group;
    const settings = first === undefined ? null : await settingsOf(services, first, now);
    if (isProblem(settings)) return settings;
    for (let start = 0; settings !== null && start < group.length; start += JOBS_PER_CALL) {
      const ids = group.slice(start, start + JOBS_PER_CALL).map(({ id }) => id);
      const revivals = (await wholeJobs(db, settings.namespace, ids)).map((job) => ({
        job,
        delayMs: nextDelay(pace, now),
      }));
      const results = await revive(services, revivals, { settings, patch: null, action: "redrive", movingTo: null });
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

/** Null when the queue has been deleted: its jobs can never come back. */
async function settingsOf(
  { settings }: Services,
  { namespace, queue }: Pick<HistoryRecord, "namespace" | "queue">,
  now: number,
): Promise<Result<QueueSettings | null>> {
  const found = await settings.get(namespace, queue, now);
  return isProblem(found) && found.code === "queue-not-found" ? null : found;
}
