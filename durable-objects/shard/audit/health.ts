import type { ShardCall, ShardHealth } from "../../../contract/rpc.ts";
import { PARKED } from "../flow/parked-store.ts";
import { COUNTS, type Tally } from "../jobs/counts.ts";
import { JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import type { Engine } from "../kernel/engine.ts";
import { OUTBOX } from "../outbox/outbox-store.ts";
import { FEEDS } from "../subscriptions/feed-store.ts";
import { deadCounts, liveCounts, unprojected } from "./queue-stats.ts";

/** The cron calls this, whatever the alarm is set to: it does what is due and answers how the shard is then. */
export function wake(engine: Engine, _request: ShardCall): ShardHealth {
  engine.alarm();
  const now = engine.now();
  const all: Tally = { ready: 0, blocked: 0, scheduled: 0, running: 0 };
  for (const [, tally] of engine.get(COUNTS).queues()) {
    for (const standing of ["ready", "blocked", "scheduled", "running"] as const) all[standing] += tally[standing];
  }
  const oldest = engine.get(JOBS).nextDueAt();
  const outbox = engine.get(OUTBOX);
  return {
    live: engine.get(COUNTS).unfinished,
    bytes: engine.sql.bytes(),
    rowsWritten: engine.sql.rowsWritten(),
    counts: { ...liveCounts(all), succeeded: 0, ...deadCounts(engine.sql, null) },
    unprojected: unprojected(engine, null).all,
    oldestDueAt: oldest !== null && oldest <= now ? oldest : null,
    parkedKeys: engine.get(PARKED).count(null),
    undelivered: outbox.count() + outbox.countLetters(),
    pendingEvents: engine
      .get(FEEDS)
      .all()
      .reduce((sum, { undelivered }) => sum + undelivered.events, 0),
    totals: { ...engine.get(METRICS).totals },
  };
}
