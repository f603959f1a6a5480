import { Hono } from "hono";
import { type Page, PageQuery } from "../../../contract/list.ts";
import { Name } from "../../../contract/primitives.ts";
import { EmptyBody, QueueBody, type QueueView } from "../../../contract/queue.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue, listQueues, type QueuePosition } from "../../db/queues.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import { invalidField } from "../http/refusal.ts";
import { readJson, readOptionalJson, validated, validatedQuery } from "../http/request-body.ts";
import { orUnavailable } from "../jobs/job-read.ts";
import { log, reasonOf } from "../log.ts";
import { queueStats } from "../operations/queue-operations.ts";
import { queueOf } from "../queues/named-queue.ts";
import { QueueConfig } from "../queues/queue-config.ts";
import { queueView } from "../queues/queue-settings.ts";
import { ScheduleConfig } from "../schedules/schedule-config.ts";

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
    await schedulesFollow(c, settings);
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
    const settings = await config(c).find(queueOf(c));
    return c.json(await queueStats(c.var.services, c.env.DB, settings));
  })
  .post("/:queue/pause", async (c) => setPaused(c, true))
  .post("/:queue/resume", async (c) => setPaused(c, false));

/** The place of a schedule follows from its queue. The queue is put already: what fails here is healed by the cron. */
async function schedulesFollow(c: AppContext, { namespace, name: queue }: QueueSettings): Promise<void> {
  try {
    await new ScheduleConfig(c.var.services, c.env).repush({ type: "queue", namespace, queue });
  } catch (error) {
    log("error", "schedules-follow", { namespace, queue, reason: reasonOf(error) });
  }
}

async function setPaused(c: AppContext, paused: boolean): Promise<Response> {
  requireScope(c.var.caller, "admin");
  validated(EmptyBody, await readOptionalJson(c));
  return c.json(queueView(await config(c).setPaused(queueOf(c), paused, Date.now())));
}

function config(c: AppContext): QueueConfig {
  return new QueueConfig(c.var.services, c.env);
}

/** A page of the namespace's queues, newest first. `default` is the oldest until somebody puts it. */
async function queuePage(c: AppContext, query: PageQuery): Promise<Page<QueueView>> {
  const { signer } = c.var.services;
  const { namespace } = c.var.caller;
  const list = `queues:${namespace}`;
  const after = positionOf(await openCursor(signer, list, query.cursor));
  const db = primary(c.env.DB);
  const limit = query.limit + 1;
  const rows = await orUnavailable(() => listQueues(db, { namespace, after, limit }));
  const all = rows.length < limit && !(await defaultIsStored(c)) ? [...rows, implicitDefault(namespace)] : rows;
  const items = all.slice(0, query.limit);
  const last = items.at(-1);
  const more = all.length > query.limit && last !== undefined;
  const nextCursor = more ? await makeCursor(signer, list, `${last.createdAt}/${last.name}`) : null;
  return { items: items.map(queueView), nextCursor };
}

function positionOf(cursor: string | null): QueuePosition | null {
  const [createdAt, name] = cursor?.split("/") ?? [];
  return createdAt === undefined || name === undefined ? null : { createdAt: Number(createdAt), name };
}

async function defaultIsStored(c: AppContext): Promise<boolean> {
  const { namespace } = c.var.caller;
  return (await orUnavailable(() => findQueue(primary(c.env.DB), namespace, DEFAULT_QUEUE))) !== null;
}
