import { Hono } from "hono";
import { type Page, PageQuery } from "../../../contract/list.ts";
import { Name } from "../../../contract/primitives.ts";
import { type FireView, ScheduleBody, type ScheduleView } from "../../../contract/schedule.ts";
import type { Fire, ScheduleSettings } from "../../../domain/schedule.ts";
import { primary } from "../../db/client.ts";
import { listSchedules, type ScheduleKey, type SchedulePosition } from "../../db/schedules.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import { invalidField } from "../http/refusal.ts";
import { readJson, validated, validatedQuery } from "../http/request-body.ts";
import { orUnavailable } from "../jobs/job-read.ts";
import { ScheduleConfig, scheduleNotFound } from "../schedules/schedule-config.ts";
import { fireView, scheduleView } from "../schedules/schedule-settings.ts";

/** Schedules: jobs that recur, and what came of each of their instants. */
export const scheduleRoutes = new Hono<AppEnv>()
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await schedulePage(c, validatedQuery(c, PageQuery)));
  })
  .put("/:schedule", async (c) => {
    requireScope(c.var.caller, "admin");
    const name = c.req.param("schedule");
    if (!Name.safeParse(name).success) throw invalidField("", "the schedule's name in the path is not valid");
    const body = validated(ScheduleBody, await readJson(c));
    const { settings, created } = await config(c).put(scheduleOf(c), body, Date.now());
    return c.json(await viewOf(c, settings), created ? 201 : 200);
  })
  .get("/:schedule", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await viewOf(c, await config(c).find(scheduleOf(c))));
  })
  .delete("/:schedule", async (c) => {
    requireScope(c.var.caller, "admin");
    await config(c).remove(scheduleOf(c), Date.now());
    return c.body(null, 204);
  })
  .get("/:schedule/fires", async (c) => {
    requireScope(c.var.caller, "read");
    const query = validatedQuery(c, PageQuery);
    await config(c).find(scheduleOf(c));
    return c.json(await firePage(c, query));
  });

function config(c: AppContext): ScheduleConfig {
  return new ScheduleConfig(c.var.services, c.env);
}

function scheduleOf(c: AppContext): ScheduleKey {
  const name = c.req.param("schedule") ?? "";
  if (!Name.safeParse(name).success) throw scheduleNotFound(name);
  return { namespace: c.var.caller.namespace, name };
}

async function viewOf(c: AppContext, settings: ScheduleSettings): Promise<ScheduleView> {
  const states = await config(c).states(settings.namespace, [settings.name]);
  return scheduleView(settings, states.get(settings.name) ?? []);
}

/** A page of the namespace's schedules, newest first. */
async function schedulePage(c: AppContext, query: PageQuery): Promise<Page<ScheduleView>> {
  const { signer } = c.var.services;
  const { namespace } = c.var.caller;
  const list = `schedules:${namespace}`;
  const after = positionAfter(await openCursor(signer, list, query.cursor));
  const db = primary(c.env.DB);
  const rows = await orUnavailable(() => listSchedules(db, { namespace, after, limit: query.limit + 1 }));
  const items = rows.slice(0, query.limit);
  const names = items.map(({ name }) => name);
  const states = await config(c).states(namespace, names);
  const last = items.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  const nextCursor = more ? await makeCursor(signer, list, `${last.createdAt}/${last.name}`) : null;
  return { items: items.map((item) => scheduleView(item, states.get(item.name) ?? [])), nextCursor };
}

function positionAfter(cursor: string | null): SchedulePosition | null {
  const [createdAt, name] = cursor?.split("/") ?? [];
  return createdAt === undefined || name === undefined ? null : { createdAt: Number(createdAt), name };
}

/** A page of what came of a schedule's instants, newest first, of all shards that ever ran it. */
async function firePage(c: AppContext, query: PageQuery): Promise<Page<FireView>> {
  const { signer, shards } = c.var.services;
  const key = scheduleOf(c);
  const list = `fires:${key.namespace}/${key.name}`;
  const cursor = await openCursor(signer, list, query.cursor);
  const before = cursor === null ? null : Number(cursor);
  const limit = query.limit + 1;
  const replies = await shards.all({ idempotent: true }, (shard, head) =>
    shard.fires({ ...head, ...key, before, limit }),
  );
  const found = replies.flat().sort((a: Fire, b: Fire) => b.scheduledAt - a.scheduledAt);
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  const more = found.length > query.limit && last !== undefined;
  const nextCursor = more ? await makeCursor(signer, list, String(last.scheduledAt)) : null;
  return { items: items.map(fireView), nextCursor };
}
