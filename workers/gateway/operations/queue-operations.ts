import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { QueueStatsView } from "../../../contract/queue.ts";
import type { PurgeReply, QueueStats } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { JOB_STATES, type JobState } from "../../../domain/job/state.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { countSucceeded } from "../../db/history.ts";
import { queueIdIn } from "../../db/queues.ts";
import { inEach } from "../../db/spread-reads.ts";
import { fromDatabase } from "../database.ts";
import type { QueueName } from "../queues/queue-config.ts";
import type { Services } from "../services.ts";

/** Jobs looked at by one call to a shard: a bounded time in which it serves nobody else. */
const STEP = 500;

/** The queue's numbers over all shards and history. */
export async function queueStats(services: Services, settings: QueueSettings): Promise<Result<QueueStatsView>> {
  const name: QueueName = { namespace: settings.namespace, queue: settings.name };
  const both = await together([
    services.shards.all({ idempotent: true }, (shard, head) => shard.stats({ ...head, ...name })),
    fromDatabase(() => succeededIn(services, name)),
  ]);
  if (isProblem(both)) return both;
  const [shards, succeeded] = both;
  const merged = mergeStats(name.queue, shards, succeeded);
  const { scheduled, queued } = merged.counts;
  return { ...merged, backlog: { waiting: scheduled + queued, max: settings.maxBacklog } };
}

async function succeededIn(services: Services, name: QueueName): Promise<number> {
  const db = primary(services.database);
  const [, ...others] = services.databases;
  if (others.length === 0) return countSucceeded(db, name);
  const of = { ...name, queueId: await queueIdIn(db, name.namespace, name.queue) };
  const counts = await inEach(services, (each) => countSucceeded(each, of));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** `historySucceeded` counts what history has; the shards say what it does not have yet. */
export function mergeStats(
  queue: string,
  shards: QueueStats[],
  historySucceeded: number,
): Omit<QueueStatsView, "backlog"> {
  const sum = (pick: (stats: QueueStats) => number) => shards.reduce((total, stats) => total + pick(stats), 0);
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, sum((stats) => stats.counts[state])]));
  const oldest = shards.map((stats) => stats.oldestQueuedAt).filter((at) => at !== null);
  const latencies = shards.flatMap((stats) => stats.latenciesMs).sort((a, b) => a - b);
  return {
    queue,
    counts: {
      ...(counts as Record<JobState, number>),
      succeeded: historySucceeded + sum((stats) => stats.unprojectedSucceeded),
    },
    oldestQueuedAt: oldest.length === 0 ? null : formatTimestamp(Math.min(...oldest)),
    inFlight: sum((stats) => stats.inFlight),
    parkedKeys: sum((stats) => stats.parkedKeys),
    perSecond: {
      accepted: sum((stats) => stats.perSecond.accepted),
      started: sum((stats) => stats.perSecond.started),
      finished: sum((stats) => stats.perSecond.finished),
    },
    latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), p99: percentile(latencies, 0.99) },
  };
}

/** Nearest rank over a sorted sample, null of an empty one. */
function percentile(sorted: number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** Cancels everything queued and scheduled; answers how many. */
export async function purgeQueue({ shards }: Services, name: QueueName): Promise<Result<number>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
  const cancelled = await together(
    map.shards.map(async ({ id }): Promise<Result<number>> => {
      let total = 0;
      for (let after: string | null = null; ; ) {
        const request: QueueName & { limit: number; after: string | null } = { ...name, limit: STEP, after };
        const reply: Result<PurgeReply> = await shards.once(id, { idempotent: true }, (shard, head) =>
          shard.purge({ ...head, ...request }),
        );
        if (isProblem(reply)) return reply;
        total += reply.cancelled;
        if (!reply.more) return total;
        after = reply.next ?? null;
      }
    }),
  );
  return isProblem(cancelled) ? cancelled : cancelled.reduce((sum, count) => sum + count, 0);
}
