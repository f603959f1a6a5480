import { whatIsDue } from "../../domain/due.ts";
import type { JobError } from "../../domain/job/job.ts";
import { notAhead } from "../../domain/rate.ts";
import type { Sql } from "../sql.ts";
import { releaseParked } from "./claiming/ordering.ts";
import { sweepKeys } from "./dedup/dedup.ts";
import { endAttempt } from "./jobs/attempt.ts";
import { BLOCKS, type JobHead } from "./rows.ts";
import { fireDue, purgeFires } from "./schedules/fire.ts";
import { sweepEvents } from "./subscriptions/drop.ts";
import { sweepBatches } from "./transactions/batch-store.ts";
import { tickTransactions } from "./transactions/transaction.ts";
import type { Turn } from "./turn.ts";

/** Jobs that the clock moves in one step: a step stays short, the next one goes on. */
export const DUE_PER_STEP = 100;
/** Finished steps forgotten, and keys swept, in one step. */
const PURGE_PER_STEP = 20;
const SWEEP_PER_STEP = 200;

const LEASE_EXPIRED: JobError = {
  code: "lease-expired",
  message: "The worker neither reported nor extended its lease in time.",
  retryable: true,
};
const TIMED_OUT: JobError = {
  code: "timeout",
  message: "The attempt ran longer than the job's timeout.",
  retryable: true,
};
const EXPIRED: JobError = {
  code: "expired",
  message: "The job was not started before its expiresAt.",
  retryable: false,
};

/** Does what is due. True when more is due than one step may do. */
export function advance(turn: Turn): boolean {
  const due = turn.stores.jobs.due(turn.now, DUE_PER_STEP);
  for (const { id } of due) {
    // Read again: an earlier job of this loop may have opened or closed this one's ordering key.
    const row = turn.stores.jobs.head(id);
    if (row !== null) act(turn, row);
  }
  const gates = turn.stores.flow.gatesToLookAt(turn.now, DUE_PER_STEP);
  for (const { queue, key } of gates) turn.touchGate(queue, key);
  const early = followClock(turn);
  fireDue(turn);
  const parked = releaseParked(turn);
  return due.length === DUE_PER_STEP || gates.length === DUE_PER_STEP || early || parked;
}

/**
 * After the clock has stepped back, starts of rates seem to lie ahead and would hold others back until the clock has
 * caught up: they are taken to have been just now. True when more gates are to be looked at than one step may.
 */
function followClock(turn: Turn): boolean {
  const { flow, queues } = turn.stores;
  let longestMs = -1;
  for (const { ref, settings } of queues.all()) {
    longestMs = Math.max(longestMs, settings.perKeyRate?.periodMs ?? -1);
    if (settings.rate === null) continue;
    for (const { partition, log } of flow.rateLogsAhead(ref, turn.now)) {
      flow.saveRateLog(ref, partition, notAhead(log, turn.now));
    }
  }
  // A gate waits for a start of its log to be over: never longer than its period.
  const beyond = longestMs < 0 ? [] : flow.gatesBeyond(turn.now + longestMs + 1, DUE_PER_STEP);
  for (const { queue, key } of beyond) turn.touchGate(queue, key);
  return beyond.length === DUE_PER_STEP;
}

/** What the clock does to one job, if anything. Also called by a report that comes when its lease has just ended. */
export function act(turn: Turn, row: JobHead): void {
  const times = {
    state: row.state,
    runAt: row.run_at,
    expiresAt: row.expires_at,
    leaseEndsAt: row.lease_ends_at,
    attemptEndsAt: row.attempt_ends_at,
  };
  switch (whatIsDue(times, turn.now)) {
    case "start":
      turn.change(row, { state: "queued" });
      return;
    case "expire":
      turn.change(row, { state: "failed", finished_at: turn.now, error: JSON.stringify(EXPIRED) });
      if ((row.blocked & BLOCKS.line) === 0) turn.settleKey(row.queue, row.ordering_key, null);
      return;
    case "lease-ended":
    case "timed-out": {
      const error = row.attempt_ends_at !== null && row.attempt_ends_at <= turn.now ? TIMED_OUT : LEASE_EXPIRED;
      endAttempt(turn, row, { outcome: "leaseExpired", error, retryAfterMs: null });
      turn.onCommit(() => {
        turn.stores.metrics.totals.leaseExpired += 1;
      });
      return;
    }
    case "none":
  }
}

/** Forgets what history has and whose time is over, a bounded amount. True when more is left. */
export function purge(turn: Turn, sql: Sql): boolean {
  const { finished, jobs, keys, meta, progress } = turn.stores;
  const entries = finished.purgeable(turn.now, meta.projected(), PURGE_PER_STEP);
  for (const entry of entries) {
    jobs.forget(entry.jobs);
    progress.forgetWithJobs(entry.jobs);
    finished.remove(entry.seq);
  }
  meta.forgot(Math.max(0, ...entries.map(({ seq }) => seq)));
  const swept = [
    keys.sweep(turn.now, SWEEP_PER_STEP),
    sweepKeys(turn, SWEEP_PER_STEP),
    sweepBatches(sql, turn.now, SWEEP_PER_STEP),
    purgeFires(turn, SWEEP_PER_STEP),
    tickTransactions(turn, SWEEP_PER_STEP),
  ];
  const eventsLeft = sweepEvents(turn, SWEEP_PER_STEP);
  return eventsLeft || entries.length === PURGE_PER_STEP || swept.includes(SWEEP_PER_STEP);
}
