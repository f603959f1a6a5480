import type { PurgeReply, PurgeRequest, RedriveReply, RedriveRequest } from "../../contract/rpc.ts";
import { type JobError, nextState } from "../../domain/job.ts";
import type { Sql } from "../sql.ts";
import { HEAD_COLUMNS, type JobHead, type JobSpec, type StoredAttempt } from "./rows.ts";
import type { Turn } from "./turn.ts";

/** Rows looked at in one step of a purge or a redrive. */
const WALK_PER_STEP = 200;

/** Cancels a job that is not final. Null when it is. A worker that has it learns so at its next extend. */
export function cancel(turn: Turn, row: JobHead): JobHead | null {
  const state = nextState(row.state, { type: "cancel" });
  if (state === null) return null;
  const after = turn.change(row, { state, finished_at: turn.now });
  if (row.blocked === 0) turn.settleKey(row.queue, row.ordering_key, null);
  return after;
}

/**
 * Why a job can never come back in line: its queue is gone, or its queue's partitions have changed since, so that its
 * place no longer goes together with its ordering key and the queue's limits. Null when it can.
 */
export function unredrivable(turn: Turn, row: JobHead): "queue-deleted" | "repartitioned" | null {
  const { settings, partitionedAt } = turn.stores.queues.get(row.queue);
  if (settings.deleted) return "queue-deleted";
  return row.created_at <= partitionedAt ? "repartitioned" : null;
}

/**
 * Puts a failed or cancelled job back in line with a new attempt budget, `delayMs` from now. Null when its
 * state does not allow it. With an ordering key it takes its old place among those not final.
 */
export function redrive(turn: Turn, row: JobHead, delayMs: number): JobHead | null {
  const state = nextState(row.state, { type: "redrive", later: delayMs > 0 });
  if (state === null || unredrivable(turn, row) !== null) return null;
  const { jobs } = turn.stores;
  const open = row.ordering_key === null ? null : jobs.openOfKey(row.queue, row.ordering_key);
  const runAt = turn.now + delayMs;
  const after = turn.change(row, {
    state,
    blocked: open === null ? 0 : 1,
    spent_before: row.attempt,
    run_at: runAt,
    finished_at: null,
    expires_at: row.expires_at !== null && row.expires_at <= runAt ? null : row.expires_at,
    lease: null,
    attempts: withCancelledAttempt(row),
  });
  if (open !== null) turn.settleKey(row.queue, row.ordering_key, open);
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
  // Blocked ones first: cancelling a head would open the next only to cancel it too.
  const ids = new Set([...blocked, ...scheduled, ...ready].map((row) => row.id));
  let cancelled = 0;
  for (const id of [...ids].slice(0, limit)) {
    const row = turn.stores.jobs.head(id);
    if (row !== null && cancel(turn, row) !== null) cancelled += 1;
  }
  return { cancelled, more: cancelled > 0 };
}

/** Redrives failed jobs of a queue that match, walking up by id. `ratePerSecond` comes as a spacing of run-ats. */
export function redriveQueue(turn: Turn, sql: Sql, request: RedriveRequest): RedriveReply {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { matched: 0, redriven: 0, next: null };
  const limit = Math.min(request.limit, WALK_PER_STEP);
  const rows = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_dead
     WHERE queue = ? AND id > ? AND state IN ('failed', 'cancelled') ORDER BY id LIMIT +?`,
    queue.ref,
    request.after ?? "",
    limit,
  );
  const matched = rows.filter(
    (row) => row.state === "failed" && unredrivable(turn, row) === null && matches(row, request.filter),
  );
  let redriven = 0;
  for (const { id } of request.dryRun ? [] : matched) {
    const row = turn.stores.jobs.head(id);
    const { spacing } = request;
    const delayMs = spacing === null ? 0 : Math.floor(spacing.firstDelayMs + redriven * spacing.everyMs);
    if (row !== null && redrive(turn, row, delayMs) !== null) redriven += 1;
  }
  return { matched: matched.length, redriven, next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null };
}

function matches(row: JobHead, filter: RedriveRequest["filter"]): boolean {
  if (filter.finishedBefore !== null && (row.finished_at ?? 0) >= filter.finishedBefore) return false;
  if (filter.errorCode !== null) {
    const error = row.error === null ? null : (JSON.parse(row.error) as JobError);
    if (error?.code !== filter.errorCode) return false;
  }
  return filter.tag === null || (JSON.parse(row.spec) as JobSpec).tags.includes(filter.tag);
}
