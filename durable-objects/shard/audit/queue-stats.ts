import type { QueueRef, QueueStats } from "../../../contract/rpc.ts";
import type { JobState } from "../../../domain/job/state.ts";
import { PARKED_COUNTS } from "../flow/parked-store.ts";
import { COUNTS, type Tally } from "../jobs/counts.ts";
import { METRICS } from "../jobs/metrics.ts";
import { PACKS } from "../jobs/packs/packs.ts";
import { UNPROJECTED_SUCCEEDED } from "../jobs/unprojected.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** What this shard knows of a queue. Succeeded jobs are counted only as far as history lacks them. */
export function queueStats(parts: Parts, request: QueueRef, now: number): QueueStats {
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return emptyStats();
  const tally = parts.get(COUNTS).of(queue.ref);
  return {
    counts: { ...liveCounts(tally), succeeded: 0, ...parts.get(COUNTS).deadOf(queue.ref) },
    unprojectedSucceeded: parts.get(UNPROJECTED_SUCCEEDED).of(queue.ref),
    oldestQueuedAt: oldestQueuedAt(parts, queue.ref),
    inFlight: tally.running,
    parkedKeys: parts.get(PARKED_COUNTS).of(queue.ref),
    perSecond: parts.get(METRICS).perSecond(queue.ref, now),
    latenciesMs: parts.get(METRICS).latencies(queue.ref, now),
  };
}

export function liveCounts(tally: Readonly<Tally>): Pick<Record<JobState, number>, "scheduled" | "queued" | "running"> {
  return { scheduled: tally.scheduled, queued: tally.ready + tally.blocked, running: tally.running };
}

/** Ready jobs of a queue that are looked at for its oldest, in all of its partitions: the index has them by rank, not by age. */
const LOOKED_AT_FOR_OLDEST = 256;

const OLDEST_READY = `SELECT created_at AS at FROM jobs WHERE id = (SELECT min(oldest) FROM
  (SELECT (SELECT min(id) FROM (SELECT id FROM jobs INDEXED BY jobs_ready
    WHERE queue = ?1 AND partition = own.value AND state = 'queued' AND blocked = 0 ORDER BY rank LIMIT ?3)) AS oldest
   FROM json_each(?2) AS own))`;

/**
 * When the job that has been ready for longest was accepted, of those that go first in each partition: among jobs of one
 * priority the first is the oldest, so it is exact where all have the same, and as long as no more are ready than are looked at.
 * Ids begin with their time, so the index alone tells the oldest.
 */
function oldestQueuedAt(parts: Parts, queue: number): number | null {
  const own: number[] = [];
  for (const [partition, { ready }] of parts.get(COUNTS).partitionsOf(queue)) if (ready > 0) own.push(partition);
  if (own.length === 0) return null;
  const each = Math.max(1, Math.floor(LOOKED_AT_FOR_OLDEST / own.length));
  const at = parts.sql.all<{ at: number }>(OLDEST_READY, queue, JSON.stringify(own), each)[0]?.at ?? null;
  const packs = parts.get(PACKS);
  const packed = own
    .map((partition) => packs.heads.oldestWaitingAt(queue, partition, each))
    .filter((time) => time !== null);
  const times = at === null ? packed : [at, ...packed];
  return times.length === 0 ? null : Math.min(...times);
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
