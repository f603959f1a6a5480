import type { PurgeReply, PurgeRequest, Unredrivable } from "../../../contract/rpc.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { nextState } from "../../../domain/job/transition.ts";
import { mayNeverRun } from "../../../domain/unrun.ts";
import type { Sql } from "../../sql.ts";
import { jobDecided } from "../claiming/ordering.ts";
import { BLOCKS, HEAD_COLUMNS, type JobHead, type JobSpec, type StoredAttempt } from "../rows.ts";
import type { Turn } from "../turn.ts";

/** Rows looked at in one step of a purge. */
const WALK_PER_STEP = 200;

/** Cancels a job that is not final. Null when it is. A worker that has it learns so at its next extend. */
export function cancel(turn: Turn, row: JobHead): JobHead | null {
  const state = nextState(row.state, { type: "cancel" });
  if (state === null) return null;
  const after = turn.change(row, { state, finished_at: turn.now });
  if ((row.blocked & BLOCKS.line) === 0) turn.settleKey(row.queue, row.ordering_key, null);
  return after;
}

/**
 * Why a job cannot come back in line: it may never run; its queue is gone, or its queue's partitions have changed since, so
 * that its place no longer goes together with its ordering key and the queue's limits; or it is on its way elsewhere. Null
 * when it can.
 */
export function unredrivable(turn: Turn, row: JobHead): Unredrivable | null {
  const { settings, partitionedAt } = turn.stores.queues.get(row.queue);
  if ((JSON.parse(row.spec) as JobSpec).movingTo !== undefined) return "moving";
  if (mayNeverRun({ ...row, error: row.error === null ? null : (JSON.parse(row.error) as JobError) })) return "unrun";
  if (settings.deleted) return "queue-deleted";
  // A job that was moved here keeps the time at which it was first made: it has started here since.
  const placedAt = Math.max(row.created_at, row.started_at ?? 0);
  return placedAt <= partitionedAt ? "repartitioned" : null;
}

/**
 * Puts a failed or cancelled job back in line with a new attempt budget, `delayMs` from now. Null when its
 * state does not allow it. With an ordering key it takes its old place among those not final.
 */
export function redrive(turn: Turn, row: JobHead, delayMs: number): JobHead | null {
  const state = nextState(row.state, { type: "redrive", later: delayMs > 0 });
  if (state === null || unredrivable(turn, row) !== null) return null;
  const { jobs, transactions } = turn.stores;
  const { queue, ordering_key: line } = row;
  jobDecided(turn, row);
  const open = line === null ? null : jobs.openOfKey(queue, line);
  const alone = open === null && (line === null || !transactions.standsInLine(queue, line));
  const runAt = turn.now + delayMs;
  const after = turn.change(row, {
    state,
    blocked: alone ? 0 : BLOCKS.line,
    spent_before: row.attempt,
    run_at: runAt,
    finished_at: null,
    expires_at: row.expires_at !== null && row.expires_at <= runAt ? null : row.expires_at,
    lease: null,
    attempts: withCancelledAttempt(row),
  });
  turn.settleKey(queue, line, open);
  return after;
}

/** An attempt that was cancelled lives in the row alone: it is stored before the next one overwrites it. */
function withCancelledAttempt(row: JobHead): string {
  const earlier = JSON.parse(row.attempts) as StoredAttempt[];
  if (row.lease === null || row.attempt <= (earlier.at(-1)?.number ?? 0)) return row.attempts;
  const attempt: StoredAttempt = {
    number: row.attempt,
    startedAt: row.attempt_at ?? row.created_at,
    finishedAt: row.finished_at,
    outcome: "cancelled",
    error: null,
    worker: row.worker,
    nonce: row.lease,
  };
  return JSON.stringify([...earlier, attempt]);
}

/** Cancels waiting jobs of a queue, a bounded number a step. Running ones go on. */
export function purgeQueue(turn: Turn, sql: Sql, request: PurgeRequest): PurgeReply {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { cancelled: 0, more: false };
  const limit = Math.min(request.limit, WALK_PER_STEP);
  const ready = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_ready WHERE queue = ? AND state = 'queued' AND blocked = 0 LIMIT +?`,
    queue.ref,
    limit,
  );
  const scheduled = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_due
     WHERE due_at IS NOT NULL AND queue = ? AND state = 'scheduled' LIMIT +?`,
    queue.ref,
    limit,
  );
  const blocked = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_key
     WHERE queue = ? AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')
       AND state = 'queued' AND blocked = 1 LIMIT +?`,
    queue.ref,
    limit,
  );
  const shut = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_shut WHERE queue = ? AND state = 'queued' AND blocked > 1 LIMIT +?`,
    queue.ref,
    limit,
  );
  // Blocked ones first: cancelling a head would open the next only to cancel it too.
  const ids = new Set([...blocked, ...shut, ...scheduled, ...ready].map((row) => row.id));
  let cancelled = 0;
  for (const id of [...ids].slice(0, limit)) {
    const row = turn.stores.jobs.head(id);
    if (row !== null && cancel(turn, row) !== null) cancelled += 1;
  }
  return { cancelled, more: cancelled > 0 };
}
