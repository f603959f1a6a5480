import type { OperationProgress, ShardOperation } from "../../../contract/rpc.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { firstJobIdAt } from "../../../domain/job-id.ts";
import { OPERATION_KEPT_MS, selects } from "../../../domain/operation.ts";
import type { Sql } from "../../sql.ts";
import { cancel, redrive } from "../jobs/change.ts";
import { discard } from "../jobs/discard.ts";
import { HEAD_COLUMNS, type JobHead, type JobSpec } from "../rows.ts";
import type { Turn } from "../turn.ts";
import type { KnownOperation } from "./operation-store.ts";

/** Rows looked at, and rows changed, in one step: it stays short, and claims come in between two steps. */
const SCAN_PER_STEP = 500;
const CHANGES_PER_STEP = 200;
const SWEEP_PER_STEP = 100;
/** Ids carry the gateway's clock, `created_at` the shard's: ids are bounded by what may lie between. */
const CLOCK_SLACK_MS = 60_000;

/** Takes an operation: it walks the shard's jobs on the shard's own clock. One that is known goes on as it does. */
export function operate(turn: Turn, operation: ShardOperation): OperationProgress {
  const { operations } = turn.stores;
  const known = operations.find(operation.id);
  if (known !== null) return progressOf(known);
  operations.add(operation, turn.now);
  turn.wake(turn.now);
  return { id: operation.id, scanned: 0, matched: 0, changed: 0, done: false };
}

export function progressOf({ operation, scanned, matched, changed, nextAt }: KnownOperation): OperationProgress {
  return { id: operation.id, scanned, matched, changed, done: nextAt === null };
}

/**
 * One step of one operation. The place it has come to is written with the changes, so that a step which is undone is
 * done again and none is done twice. True when more is left.
 */
export function stepOperations(turn: Turn, sql: Sql): boolean {
  const { operations } = turn.stores;
  const swept = operations.sweep(turn.now, SWEEP_PER_STEP);
  const known = operations.next();
  if (known === null) return swept === SWEEP_PER_STEP;
  const walk = walkOn(turn, sql, known);
  operations.save(known.operation.id, walk, walk.nextAt === null ? turn.now + OPERATION_KEPT_MS : null);
  return true;
}

function walkOn(turn: Turn, sql: Sql, known: KnownOperation): KnownOperation {
  const { operation } = known;
  const rows = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs WHERE id > ? AND id < ? AND state <> 'discarded' ORDER BY id LIMIT +?`,
    known.after,
    firstJobIdAt(operation.createdAt + CLOCK_SLACK_MS),
    SCAN_PER_STEP,
  );
  const walk: KnownOperation = { ...known, nextAt: turn.now };
  let changes = 0;
  for (const row of rows) {
    if (changes === CHANGES_PER_STEP) return walk;
    walk.after = row.id;
    const { settings } = turn.stores.queues.get(row.queue);
    if (settings.namespace !== operation.namespace) continue;
    walk.scanned += 1;
    if (!selects(operation, candidateOf(row, settings.name))) continue;
    walk.matched += 1;
    if (operation.dryRun || !act(turn, walk, row.id)) continue;
    walk.changed += 1;
    changes += 1;
  }
  if (rows.length < SCAN_PER_STEP) walk.nextAt = null;
  return walk;
}

function candidateOf(row: JobHead, queue: string) {
  return {
    queue,
    state: row.state,
    orderingKey: row.ordering_key,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    tags: () => (JSON.parse(row.spec) as JobSpec).tags,
    error: () => (row.error === null ? null : (JSON.parse(row.error) as JobError)),
  };
}

/** Changes one job, read again: an earlier job of the step may have opened its ordering key. False when it may not be. */
function act(turn: Turn, walk: KnownOperation, id: string): boolean {
  const row = turn.stores.jobs.head(id);
  if (row === null) throw new Error(`${id} vanished within a step`);
  switch (walk.operation.action) {
    case "cancel":
      return cancel(turn, row) !== null;
    case "delete":
      discard(turn, row);
      return true;
    case "retry":
      return putBack(turn, walk, row);
  }
}

/** Back in line, at the operation's pace. */
function putBack(turn: Turn, walk: KnownOperation, row: JobHead): boolean {
  const { everyMs } = walk.operation;
  const startAt = everyMs === null ? turn.now : Math.max(turn.now, walk.pacedAt);
  if (redrive(turn, row, Math.floor(startAt - turn.now)) === null) return false;
  if (everyMs !== null) walk.pacedAt = startAt + everyMs;
  return true;
}
