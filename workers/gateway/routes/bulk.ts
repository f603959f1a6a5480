import { Hono } from "hono";
import { type Page, PageQuery } from "../../../contract/list.ts";
import { OperationBody, type OperationView } from "../../../contract/operation.ts";
import { Key } from "../../../contract/primitives.ts";
import type { OperationProgress } from "../../../contract/rpc.ts";
import { type OperationCounts, sumCounts } from "../../../domain/operation.ts";
import { primary } from "../../db/client.ts";
import {
  findOperation,
  finishOperation,
  listOperations,
  type OperationPosition,
  type OperationRow,
} from "../../db/operations.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import { Refusal } from "../http/refusal.ts";
import { readJson, validated, validatedQuery } from "../http/request-body.ts";
import { orUnavailable } from "../jobs/job-read.ts";
import { log, reasonOf } from "../log.ts";
import { operationView } from "../operations/operation-view.ts";
import { driveOn, sendOperation, storeOperation } from "../operations/operations.ts";

/** Bulk operations: one action on every job that a filter selects. */
export const bulkRoutes = new Hono<AppEnv>()
  .post("/", async (c) => {
    requireScope(c.var.caller, "admin");
    const header = c.req.header("idempotency-key");
    const key = header === undefined ? null : validated(Key, header);
    const body = validated(OperationBody, await readJson(c));
    const { namespace } = c.var.caller;
    const db = primary(c.env.DB);
    const { row, replayed } = await orUnavailable(() => storeOperation(db, { namespace, body, key, now: Date.now() }));
    if (replayed) {
      c.header("dure-replayed", "true");
      return c.json(await current(c, row));
    }
    const sent = await sendOperation(c.var.services, row).catch(onlyStored(row));
    c.executionCtx.waitUntil(driveOn(c.var.services, c.env.DB, row));
    return c.json(operationView(row, sumCounts(sent)), 202);
  })
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await operationPage(c, validatedQuery(c, PageQuery)));
  })
  .get("/:id", async (c) => {
    requireScope(c.var.caller, "read");
    const { namespace } = c.var.caller;
    const id = c.req.param("id");
    const row = await orUnavailable(() => c.var.session.primary((db) => findOperation(db, namespace, id)));
    // What it deleted must not be read again from a copy that does not know.
    c.var.session.invalidate();
    if (row === null) throw new Refusal("operation-not-found", `There is no operation "${id.slice(0, 80)}".`);
    return c.json(await current(c, row));
  });

/** The operation is stored, so that a shard that cannot be reached is no failure: cron sends it again. */
function onlyStored(row: OperationRow): (error: unknown) => OperationCounts[] {
  return (error) => {
    log("warn", "operation", { operation: row.id, reason: reasonOf(error) });
    return [];
  };
}

/** The operation as it stands. When all parts are through, whoever reads it first says so. */
async function current(c: AppContext, row: OperationRow): Promise<OperationView> {
  if (row.finishedAt !== null) return operationView(row, sumCounts([]));
  const shards = await askShards(c, [row]);
  const entries = (await c.var.services.shards.map()).shards.length;
  const walked = shards.length === entries && shards.every(({ done }) => done);
  if (!walked || row.after !== null) {
    // What is left needs somebody to go on with it; shards that walk do so by themselves.
    if (walked || shards.length < entries) c.executionCtx.waitUntil(driveOn(c.var.services, c.env.DB, row));
    return operationView(row, sumCounts(shards));
  }
  const db = primary(c.env.DB);
  const finished = await orUnavailable(async () => {
    await finishOperation(db, row.id, sumCounts(shards), Date.now());
    return findOperation(db, row.namespace, row.id);
  });
  return operationView(finished ?? row, sumCounts(shards));
}

async function askShards(c: AppContext, rows: OperationRow[]): Promise<OperationProgress[]> {
  const ids = rows.filter(({ finishedAt }) => finishedAt === null).map(({ id }) => id);
  if (ids.length === 0) return [];
  const { shards } = c.var.services;
  return (await shards.all({ idempotent: true }, (shard, head) => shard.operationProgress({ ...head, ids }))).flat();
}

async function operationPage(c: AppContext, query: PageQuery): Promise<Page<OperationView>> {
  const { signer } = c.var.services;
  const { namespace } = c.var.caller;
  const list = `operations:${namespace}`;
  const before = positionOf(await openCursor(signer, list, query.cursor));
  const page = { namespace, before, limit: query.limit + 1 };
  const rows = await orUnavailable(() => c.var.session.primary((db) => listOperations(db, page)));
  c.var.session.invalidate();
  const items = rows.slice(0, query.limit);
  const progress = Map.groupBy(await askShards(c, items), ({ id }) => id);
  const last = items.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return {
    items: items.map((row) => operationView(row, sumCounts(progress.get(row.id) ?? []))),
    nextCursor: more ? await makeCursor(signer, list, `${last.createdAt}/${last.id}`) : null,
  };
}

function positionOf(cursor: string | null): OperationPosition | null {
  const [createdAt, id] = cursor?.split("/") ?? [];
  return createdAt === undefined || id === undefined ? null : { createdAt: Number(createdAt), id };
}
