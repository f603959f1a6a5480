import type { OperationView } from "../../../contract/operation.ts";
import { isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { OperationProgress } from "../../../contract/rpc.ts";
import { sumCounts } from "../../../domain/operation.ts";
import { primary } from "../../db/client.ts";
import {
  findOperation,
  finishOperation,
  type OperationRow,
  listOperations as readOperations,
} from "../../db/operations.ts";
import { accepted, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { log, reasonOf } from "../log.ts";
import { operationView } from "../operations/operation-view.ts";
import { driveOn, sendOperation, storeOperation } from "../operations/operations.ts";
import { createdPlace, pageOf } from "../resources/page.ts";
import type { UseCase } from "./use-case.ts";

/** Bulk operations: one action on every job that a filter selects. */

export const startOperation: UseCase<"startOperation"> = async (context, { body, idempotencyKey: key }) => {
  const { services, caller } = context;
  const { namespace } = caller;
  const db = primary(services.database);
  const stored = await fromDatabase(() => storeOperation(db, { namespace, body, key, now: context.clock() }));
  if (isProblem(stored)) return stored;
  const { row, replayed } = stored;
  if (replayed) {
    const view = await current(context, row);
    return isProblem(view) ? view : done(view, { replayed });
  }
  const sent = await sendOperation(services, row);
  // The operation is stored, so that a shard that cannot be reached is no failure: cron sends it again.
  if (isProblem(sent)) log("warn", "operation", { operation: row.id, reason: reasonOf(sent) });
  context.later(driveOn(services, row));
  return accepted(operationView(row, sumCounts(isProblem(sent) ? [] : sent)));
};

export const listOperations: UseCase<"listOperations"> = async (context, { query }) => {
  const { services, session, caller } = context;
  const { namespace } = caller;
  const page = await pageOf(services.signer, query, {
    name: `operations:${namespace}`,
    read: (after, limit) => {
      const place = createdPlace(after);
      const before = place === null ? null : { createdAt: place.createdAt, id: place.name };
      return fromDatabase(() => session.primary((db) => readOperations(db, { namespace, before, limit })));
    },
    placeOf: ({ createdAt, id }) => `${createdAt}/${id}`,
    views: (rows) => viewsOf(context, rows),
  });
  session.invalidate();
  return isProblem(page) ? page : done(page);
};

async function viewsOf(context: Context, rows: OperationRow[]): Promise<Result<OperationView[]>> {
  const asked = await askShards(context, rows);
  if (isProblem(asked)) return asked;
  const progress = Map.groupBy(asked, ({ id }) => id);
  return rows.map((row) => operationView(row, sumCounts(progress.get(row.id) ?? [])));
}

export const getOperation: UseCase<"getOperation"> = async (context, { params: { id } }) => {
  const { session, caller } = context;
  const row = await fromDatabase(() => session.primary((db) => findOperation(db, caller.namespace, id)));
  // What it deleted must not be read again from a copy that does not know.
  session.invalidate();
  if (isProblem(row)) return row;
  const view = row === null ? notFound.operation(id) : await current(context, row);
  return isProblem(view) ? view : done(view);
};

/** The operation as it stands. When all parts are through, whoever reads it first says so. */
async function current(context: Context, row: OperationRow): Promise<Result<OperationView>> {
  if (row.finishedAt !== null) return operationView(row, sumCounts([]));
  const { services } = context;
  const shards = await askShards(context, [row]);
  if (isProblem(shards)) return shards;
  const map = await services.shards.map();
  if (isProblem(map)) return map;
  const entries = map.shards.length;
  const walked = shards.length === entries && shards.every(({ done }) => done);
  if (!walked || row.after !== null) {
    // What is left needs somebody to go on with it; shards that walk do so by themselves.
    if (walked || shards.length < entries) context.later(driveOn(services, row));
    return operationView(row, sumCounts(shards));
  }
  const db = primary(services.database);
  const finished = await fromDatabase(async () => {
    await finishOperation(db, row.id, sumCounts(shards), context.clock());
    return findOperation(db, row.namespace, row.id);
  });
  return isProblem(finished) ? finished : operationView(finished ?? row, sumCounts(shards));
}

async function askShards(
  { services: { shards } }: Context,
  rows: OperationRow[],
): Promise<Result<OperationProgress[]>> {
  const ids = rows.filter(({ finishedAt }) => finishedAt === null).map(({ id }) => id);
  if (ids.length === 0) return [];
  const replies = await shards.all({ idempotent: true }, (shard, head) => shard.operationProgress({ ...head, ids }));
  return isProblem(replies) ? replies : replies.flat();
}
