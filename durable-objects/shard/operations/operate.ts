import type { OperateRequest, OperationProgress, OperationProgressRequest } from "../../../contract/rpc.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { firstJobIdAt } from "../../../domain/job-id.ts";
import { OPERATION_KEPT_MS, selects } from "../../../domain/operation.ts";
import { errorOf, isKept, type JobHead, type JobSpec } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { nextOf, walkIds } from "../jobs/walk-queues.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { cancel } from "../lifecycle/cancel.ts";
import { discard } from "../lifecycle/discard.ts";
import { redrive } from "../lifecycle/redrive.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { EACH_OPERATION, type KnownOperation, OPERATIONS } from "./operation-store.ts";

/** Rows looked at, and rows changed, in one step: it stays short, and claims come in between two steps. */
const SCAN_PER_STEP = 500;
const CHANGES_PER_STEP = 200;
const SWEEP_PER_STEP = 100;
/** Ids carry the gateway's clock, `created_at` the shard's: ids are bounded by what may lie between. */
const CLOCK_SLACK_MS = 60_000;

/** Takes an operation: it walks its own queues' jobs on the shard's own clock. One that is known goes on as it does. */
export function operate(step: Step, { operation }: OperateRequest): OperationProgress {
  const operations = step.get(OPERATIONS);
  const known = operations.find(operation.id);
  if (known !== null) return progressOf(known);
  operations.add(operation, step.now);
  step.wakeAt(step.now);
  return { id: operation.id, scanned: 0, matched: 0, changed: 0, done: false };
}

/** How far each of the named operations is that the shard knows. */
export function operationProgress(parts: Parts, { ids }: OperationProgressRequest): OperationProgress[] {
  return ids.flatMap((id) => parts.get(OPERATIONS).find(id) ?? []).map(progressOf);
}

function progressOf({ operation, scanned, matched, changed, nextAt }: KnownOperation): OperationProgress {
  return { id: operation.id, scanned, matched, changed, done: nextAt === null };
}

/**
 * One step of one operation. The place it has come to is written with the changes, so that a step which is undone is
 * done again and none is done twice. True when more is left.
 */
export function stepOperations(step: Step): boolean {
  const operations = step.get(OPERATIONS);
  const swept = operations.sweep(step.now, SWEEP_PER_STEP);
  const passedOver = step.get(QUARANTINE).count(EACH_OPERATION.kind, step.now);
  const next = operations
    .waiting(1 + passedOver)
    .find((id) => !step.get(QUARANTINE).holds(EACH_OPERATION.kind, id, step.now));
  const goOn = (id: string) => {
    const known = operations.find(id);
    if (known === null) throw new Error(`operation ${id} vanished within a step`);
    const after = walkOn(step, known);
    operations.save(id, after, after.nextAt === null ? step.now + OPERATION_KEPT_MS : null);
  };
  const went = walk(step, EACH_OPERATION, { rows: next === undefined ? [] : [next], each: goOn });
  return went > 0 || swept === SWEEP_PER_STEP;
}

/**
 * When an operation goes on, which is `now` while any is not done that is not set aside, or when one may be forgotten; null
 * when there is none. `next_at` is a place in line, and no time to wait for.
 */
export function nextOperationAt(parts: Parts, now: number): number | null {
  const operations = parts.get(OPERATIONS);
  const { next, expiry } = operations.times();
  const goesOn = () => (next === null ? null : now);
  const some = (limit: number) => operations.waiting(limit).map((key) => ({ key, at: now }));
  const at = parts.get(QUARANTINE).nextAt({ kind: EACH_OPERATION.kind, now }, goesOn, some);
  return at === null || expiry === null ? (at ?? expiry) : Math.min(at, expiry);
}

function walkOn(step: Step, known: KnownOperation): KnownOperation {
  const { operation } = known;
  const quarantine = step.get(QUARANTINE);
  const rows = nextRows(step, known);
  const way: KnownOperation = { ...known, nextAt: step.now };
  let changes = 0;
  for (const row of rows) {
    if (changes === CHANGES_PER_STEP) return way;
    if (quarantine.holds(EACH_JOB.kind, row.id, step.now)) {
      // It is passed over for good: an operation goes its way once.
      way.after = row.id;
      continue;
    }
    // While a row that throws is looked for, the next one is another step's.
    if (!quarantine.enters({ kind: EACH_JOB.kind, key: row.id }, step.now)) return way;
    way.after = row.id;
    if (!isKept(row)) continue;
    const { settings } = step.get(QUEUES).get(row.queue);
    way.scanned += 1;
    if (!selects(operation, candidateOf(row, settings.name))) continue;
    way.matched += 1;
    if (operation.dryRun || !applyAction(step, way, row.id)) continue;
    way.changed += 1;
    changes += 1;
  }
  if (rows.length < SCAN_PER_STEP) way.nextAt = null;
  return way;
}

/** The next jobs of the operation's own queues, of the one that it names or of all of its namespace, by their ids. */
function nextRows(step: Step, { operation, after }: KnownOperation): JobHead<RowState>[] {
  const { namespace, filter, createdAt } = operation;
  const queues = step.get(QUEUES);
  const named = filter.queue === null ? null : queues.find(namespace, filter.queue);
  const own = filter.queue === null ? queues.of(namespace) : named === null ? [] : [named];
  const ids = walkIds(step, {
    queues: own.map(({ ref }) => ref),
    indexes: ["all"],
    after,
    before: firstJobIdAt(createdAt + CLOCK_SLACK_MS),
    newestFirst: false,
  });
  const heads = step.get(JOBS).heads(nextOf(ids, SCAN_PER_STEP));
  return heads.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function candidateOf(row: JobHead, queue: string) {
  return {
    queue,
    state: row.state,
    orderingKey: row.ordering_key,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    tags: () => (JSON.parse(row.spec) as JobSpec).tags,
    error: () => errorOf(row),
  };
}

/** Changes one job, read again: an earlier job of the step may have opened its ordering key. False when it may not be. */
function applyAction(step: Step, walk: KnownOperation, id: string): boolean {
  const row = step.get(JOBS).head(id);
  if (row === null) throw new Error(`${id} vanished within a step`);
  switch (walk.operation.action) {
    case "cancel":
      return cancel(step, row) !== null;
    case "delete":
      discard(step, row);
      return true;
    case "retry":
      return putBack(step, walk, row);
  }
}

/** Back in line, at the operation's pace. */
function putBack(step: Step, walk: KnownOperation, row: JobHead): boolean {
  const { everyMs } = walk.operation;
  const startAt = everyMs === null ? step.now : Math.max(step.now, walk.pacedAt);
  if (redrive(step, row, Math.floor(startAt - step.now)) === null) return false;
  if (everyMs !== null) walk.pacedAt = startAt + everyMs;
  return true;
}
