import { Hono } from "hono";
import { type Page, PageQuery } from "../../../contract/list.ts";
import { Name } from "../../../contract/primitives.ts";
import { EmptyBody, QueueBody, type QueueView, RedriveBody } from "../../../contract/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue, listQueues, type QueuePlace } from "../../db/queues.ts";
import { requireScope } from "../auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../cursor.ts";
import { fromHistory } from "../job-read.ts";
import { QueueConfig, type QueueName } from "../queue-config.ts";
import { purgeQueue, queueStats, redriveQueue } from "../queue-operations.ts";
import { DEFAULT_QUEUE, implicitDefault, queueView } from "../queue-settings.ts";
import { invalidField } from "../refusal.ts";
import { readJson, readOptionalJson, validated, validatedQuery } from "../request-body.ts";
import { queueNotFound } from "../settings-cache.ts";

/** Queues: their settings, numbers, and what operators do to all their jobs. */
export const queueRoutes = new Hono<AppEnv>()
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await queuePage(c, validatedQuery(c, PageQuery)));
  })
  .put("/:queue", async (c) => {
    requireScope(c.var.caller, "admin");
    const name = c.req.param("queue");
    if (!Name.safeParse(name).success) throw invalidField("", "the queue's name in the path is not valid");
    const body = validated(QueueBody, await readJson(c));
    const { settings, created } = await config(c).put(queueOf(c), body, Date.now());
    return c.json(queueView(settings), created ? 201 : 200);
  })
  .get("/:queue", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(queueView(await config(c).find(queueOf(c))));
  })
  .delete("/:queue", async (c) => {
    requireScope(c.var.caller, "admin");
    await config(c).remove(queueOf(c), Date.now());
    return c.body(null, 204);
  })
  .get("/:queue/stats", async (c) => {
    requireScope(c.var.caller, "read");
    const name = await existing(c);
    return c.json(await queueStats(c.var.services, c.env.DB, name));
  })
  .post("/:queue/pause", async (c) => setPaused(c, true))
  .post("/:queue/resume", async (c) => setPaused(c, false))
  .post("/:queue/redrive", async (c) => {
    requireScope(c.var.caller, "admin");
    const body = validated(RedriveBody, await readOptionalJson(c));
    return c.json(await redriveQueue(c.var.services, await existing(c), body));
  })
  .post("/:queue/purge", async (c) => {
    requireScope(c.var.caller, "admin");
    validated(EmptyBody, await readOptionalJson(c));
    return c.json({ cancelled: await purgeQueue(c.var.services, await existing(c)) });
  });

async function setPaused(c: AppContext, paused: boolean): Promise<Response> {
  requireScope(c.var.caller, "admin");
  validated(EmptyBody, await readOptionalJson(c));
  return c.json(queueView(await config(c).setPaused(queueOf(c), paused, Date.now())));
}

function config(c: AppContext): QueueConfig {
  return new QueueConfig(c.var.services, c.env);
}

function queueOf(c: AppContext): QueueName {
  const queue = c.req.param("queue") ?? "";
  if (!Name.safeParse(queue).success) throw queueNotFound(queue);
  return { namespace: c.var.caller.namespace, queue };
}

/** The queue's name once it is known to exist. */
async function existing(c: AppContext): Promise<QueueName> {
  const name = queueOf(c);
  await config(c).find(name);
  return name;
}

/** A page of the namespace's queues, newest first. `default` is the oldest until somebody puts it. */
async function queuePage(c: AppContext, query: PageQuery): Promise<Page<QueueView>> {
  const { signer } = c.var.services;
  const { namespace } = c.var.caller;
  const list = `queues:${namespace}`;
  const after = placeOf(await openCursor(signer, list, query.cursor));
  const db = primary(c.env.DB);
  const limit = query.limit + 1;
  const rows = await fromHistory(() => listQueues(db, { namespace, after, limit }));
  const all = rows.length < limit && !(await defaultIsStored(c)) ? [...rows, implicitDefault(namespace)] : rows;
  const items = all.slice(0, query.limit);
  const last = items.at(-1);
  const more = all.length > query.limit && last !== undefined;
  const nextCursor = more ? await makeCursor(signer, list, `${last.createdAt}/${last.name}`) : null;
  return { items: items.map(queueView), nextCursor };
}

function placeOf(cursor: string | null): QueuePlace | null {
  const [createdAt, name] = cursor?.split("/") ?? [];
  return createdAt === undefined || name === undefined ? null : { createdAt: Number(createdAt), name };
}

async function defaultIsStored(c: AppContext): Promise<boolean> {
  const { namespace } = c.var.caller;
  return (await fromHistory(() => findQueue(primary(c.env.DB), namespace, DEFAULT_QUEUE))) !== null;
}
