import { isProblem, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { ShardOperation } from "../../../contract/rpc.ts";
import { selects } from "../../../domain/operation.ts";
import { type Db, primary } from "../../db/client.ts";
import {
  deleteElsewhere,
  deleteStep,
  type HistoryRecord,
  type HistoryStep,
  noteStep,
  walkHistory,
} from "../../db/operation-history.ts";
import type { OperationRow } from "../../db/operations.ts";
import { queueIdIn } from "../../db/queues.ts";
import { askExistingIds } from "../jobs/ask-existing-ids.ts";
import type { Services } from "../services.ts";
import { placeBehind, placeOf } from "./history-place.ts";
import { reviveAll } from "./operation-revive.ts";
import { shardOperation } from "./operation-view.ts";

/** Jobs of history looked at in one step. Those that are put back are read and sent whole. */
const STEP = 500;
const RETRY_STEP = 100;

/**
 * One step of an operation over what history alone has. What a shard holds is that shard's, which has been through with
 * it. The step and its place are noted together; a retry that is cut short before that asks for the same jobs again,
 * which their shards hold by then. Answers why the step could not be done, or null.
 */
export async function stepHistory(services: Services, db: Db, row: OperationRow): Promise<Problem | null> {
  if (row.after === null) return null;
  const map = await services.shards.map();
  if (isProblem(map)) return map;
  const operation = shardOperation(row, map.shards.length);
  const { namespace, filter } = operation;
  const limit = operation.action === "retry" ? RETRY_STEP : STEP;
  const { databases, database } = services;
  const place = placeOf(row.after, databases);
  if (place === null) return unavailable.database();
  const isFirst = place.each.database === database;
  const walked = isFirst ? db : primary(place.each.database);
  const named = isFirst || filter.queue === null ? {} : { queueId: await queueIdIn(db, namespace, filter.queue) };
  const where = { namespace, queue: filter.queue, ...named, after: place.after, limit };
  const { records, last } = await walkHistory(walked, where);
  const step: HistoryStep = {
    operation: row.id,
    after: row.after,
    next: placeBehind(place, last, databases),
    counts: { scanned: 0, matched: 0, changed: 0 },
  };
  const selected = records.filter((record) => selects(operation, candidateOf(record)));
  const theirs = await existingIn(services, operation, selected);
  if (isProblem(theirs)) return theirs;
  const own = selected.filter(({ id }) => !theirs.has(id));
  step.counts = { scanned: records.length - theirs.size, matched: own.length, changed: 0 };
  if (operation.action === "delete" && !operation.dryRun) {
    const of = { namespace, victims: own, now: Date.now() };
    if (isFirst) await deleteStep(db, { ...step, ...of });
    else {
      step.counts.changed = await deleteElsewhere(walked, of);
      await noteStep(db, step);
    }
    return null;
  }
  if (operation.action === "retry" && !operation.dryRun) {
    const now = Date.now();
    const { everyMs } = operation;
    const pace = everyMs === null ? null : { nextAt: row.createdAt + row.changed * everyMs, everyMs };
    const revived = await reviveAll(services, walked, { records: own, pace, now });
    if (isProblem(revived)) return revived;
    step.counts.changed = revived;
  }
  await noteStep(db, step);
  return null;
}

function candidateOf(record: HistoryRecord) {
  const { queue, state, orderingKey, createdAt, finishedAt, tags, error } = record;
  return { queue, state, orderingKey, createdAt, finishedAt, tags: () => tags, error: () => error };
}

/** Which of `jobs` their shards hold. Where the others are to be deleted, their keys are forgotten in the same step. */
function existingIn(
  services: Services,
  operation: ShardOperation,
  jobs: HistoryRecord[],
): Promise<Result<Set<string>>> {
  if (operation.action !== "delete" || operation.dryRun) return askExistingIds(services, jobs);
  const { namespace } = operation;
  return askExistingIds(services, jobs, (shard, head, theirs) =>
    shard.releaseKeys({ ...head, namespace, jobs: theirs }),
  );
}
