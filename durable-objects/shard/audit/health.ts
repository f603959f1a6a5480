import type { ShardCall, ShardHealth } from "../../../contract/rpc.ts";
import { EXECUTORS } from "../flow/executors.ts";
import { PARKED_COUNTS } from "../flow/parked-store.ts";
import { COUNTS } from "../jobs/counts.ts";
import { HISTORY } from "../jobs/history.ts";
import { JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { UNPROJECTED } from "../jobs/unprojected.ts";
import type { Engine } from "../kernel/engine.ts";
import type { Parts } from "../kernel/part.ts";
import { LETTER_COUNTS, OUTGOING_COUNTS } from "../outbox/outbox-store.ts";
import { FEEDS } from "../subscriptions/feed-store.ts";
import { liveCounts } from "./queue-stats.ts";

/**
 * The cron calls this, whatever the alarm is set to (`alarmAt`, epoch milliseconds; null or undefined: nobody knows of any): it
 * does what is due, sees that the alarm is set, and answers how the shard is then.
 */
export function wake(engine: Engine, request: ShardCall, alarmAt: number | null | undefined): ShardHealth {
  engine.wake(alarmAt ?? null);
  return health(engine, request, engine.now());
}

/** How the shard is. All of it is kept, so that to ask costs the same however much the shard has. */
export function health(parts: Parts, _request: ShardCall, now: number): ShardHealth {
  const counts = parts.get(COUNTS);
  const oldest = parts.get(JOBS).nextDueAt(now);
  return {
    live: counts.unfinished,
    bytes: parts.sql.bytes(),
    rowsWritten: parts.sql.rowsWritten(),
    counts: { ...liveCounts(counts.all), succeeded: 0, ...counts.dead },
    unprojected: parts.get(UNPROJECTED).total,
    historyFullSince: parts.get(HISTORY).fullSince,
    oldestDueAt: oldest !== null && oldest <= now ? oldest : null,
    parkedKeys: parts.get(PARKED_COUNTS).total,
    undelivered: parts.get(OUTGOING_COUNTS).total + parts.get(LETTER_COUNTS).total,
    executors: parts.get(EXECUTORS).health(),
    pendingEvents: parts.get(FEEDS).total.events,
    totals: { ...parts.get(METRICS).totals },
  };
}
