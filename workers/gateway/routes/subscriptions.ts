import { Hono } from "hono";
import { type Page, PageQuery } from "../../../contract/list.ts";
import { Name } from "../../../contract/primitives.ts";
import { SubscriptionBody, type SubscriptionView } from "../../../contract/subscription.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { primary } from "../../db/client.ts";
import { listSubscriptions, type SubscriptionKey, type SubscriptionPosition } from "../../db/subscriptions.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import { invalidField } from "../http/refusal.ts";
import { readJson, validated, validatedQuery } from "../http/request-body.ts";
import { orUnavailable } from "../jobs/job-read.ts";
import { SubscriptionConfig, subscriptionNotFound } from "../subscriptions/subscription-config.ts";
import { subscriptionView } from "../subscriptions/subscription-view.ts";

/** Subscriptions: who is told of the changes of jobs, and how that goes. */
export const subscriptionRoutes = new Hono<AppEnv>()
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await subscriptionPage(c, validatedQuery(c, PageQuery)));
  })
  .put("/:subscription", async (c) => {
    requireScope(c.var.caller, "admin");
    const name = c.req.param("subscription");
    if (!Name.safeParse(name).success) throw invalidField("", "the subscription's name in the path is not valid");
    const body = validated(SubscriptionBody, await readJson(c));
    const { settings, created } = await config(c).put(keyOf(c), body, Date.now());
    return c.json(await viewOf(c, settings), created ? 201 : 200);
  })
  .get("/:subscription", async (c) => {
    requireScope(c.var.caller, "read");
    return c.json(await viewOf(c, await config(c).find(keyOf(c))));
  })
  .delete("/:subscription", async (c) => {
    requireScope(c.var.caller, "admin");
    await config(c).remove(keyOf(c), Date.now());
    return c.body(null, 204);
  });

function config(c: AppContext): SubscriptionConfig {
  return new SubscriptionConfig(c.var.services, c.env);
}

function keyOf(c: AppContext): SubscriptionKey {
  const name = c.req.param("subscription") ?? "";
  if (!Name.safeParse(name).success) throw subscriptionNotFound(name);
  return { namespace: c.var.caller.namespace, name };
}

async function viewOf(c: AppContext, settings: SubscriptionSettings): Promise<SubscriptionView> {
  const states = await config(c).states(settings.namespace, [settings.name]);
  return subscriptionView(settings, states.get(settings.name) ?? []);
}

/** A page of the namespace's subscriptions, newest first. */
async function subscriptionPage(c: AppContext, query: PageQuery): Promise<Page<SubscriptionView>> {
  const { signer } = c.var.services;
  const { namespace } = c.var.caller;
  const list = `subscriptions:${namespace}`;
  const after = positionAfter(await openCursor(signer, list, query.cursor));
  const db = primary(c.env.DB);
  const rows = await orUnavailable(() => listSubscriptions(db, { namespace, after, limit: query.limit + 1 }));
  const items = rows.slice(0, query.limit);
  const names = items.map(({ name }) => name);
  const states = await config(c).states(namespace, names);
  const last = items.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  const nextCursor = more ? await makeCursor(signer, list, `${last.createdAt}/${last.name}`) : null;
  return { items: items.map((item) => subscriptionView(item, states.get(item.name) ?? [])), nextCursor };
}

function positionAfter(cursor: string | null): SubscriptionPosition | null {
  const [createdAt, name] = cursor?.split("/") ?? [];
  return createdAt === undefined || name === undefined ? null : { createdAt: Number(createdAt), name };
}
