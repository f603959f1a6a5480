import type { QueueRef, QueueStats } from "../../../contract/rpc.ts";
import type { JobState } from "../../../domain/job/state.ts";
import type { Sql } from "../../sql.ts";
import { PARKED_COUNTS } from "../flow/parked-store.ts";
import { COUNTS, type Tally } from "../jobs/counts.ts";
import { METRICS } from "../jobs/metrics.ts";
import { UNPROJECTED_SUCCEEDED } from "../jobs/unprojected.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** What this shard knows of a queue. Succeeded jobs are counted only as far as history lacks them. */
export function queueStats(parts: Parts, request: QueueRef, now: number): QueueStats {
  const { sql } = parts;
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return emptyStats();
  const tally = parts.get(COUNTS).of(queue.ref);
  return {
    counts: { ...liveCounts(tally), succeeded: 0, ...parts.get(COUNTS).deadOf(queue.ref) },
    unprojectedSucceeded: parts.get(UNPROJECTED_SUCCEEDED).of(queue.ref),
    oldestQueuedAt: oldestQueuedAt(sql, queue.ref),
    inFlight: tally.running,
    parkedKeys: parts.get(PARKED_COUNTS).of(queue.ref),
    perSecond: parts.get(METRICS).perSecond(queue.ref, now),
    latenciesMs: parts.get(METRICS).latencies(queue.ref, now),
  };
}

export function liveCounts(tally: Readonly<Tally>): Pick<Record<JobState, number>, "scheduled" | "queued" | "running"> {
  return { scheduled: tally.scheduled, queued: tally.ready + tally.blocked, running: tally.running };
}

/** Ready jobs of a queue that are looked at for its oldest: the index has them by rank, not by age. */
const LOOKED_AT_FOR_OLDEST = 10_000;

/**
 * When the job that has been ready for longest was accepted: exact as long as a queue has ten thousand ready jobs on the
 * shard, beyond that of those that go first. Ids begin with their time, so the index alone tells the oldest.
 */
function oldestQueuedAt(sql: Sql, queue: number): number | null {
  const row = sql.all<{ at: number | null }>(
    `SELECT min(created_at) AS at FROM jobs WHERE id =
       (SELECT min(id) FROM (SELECT id FROM jobs INDEXED BY jobs_ready
          WHERE queue = ? AND state = 'queued' AND blocked = 0 LIMIT +?))`,
    queue,
    LOOKED_AT_FOR_OLDEST,
  )[0];
  return row?.at ?? null;
}

function emptyStats(): QueueStats {
  return {
    counts: { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    unprojectedSucceeded: 0,
    oldestQueuedAt: null,
    inFlight: 0,
    parkedKeys: 0,
    perSecond: { accepted: 0, started: 0, finished: 0 },
    latenciesMs: [],
  };
}
