import { Hono } from "hono";
import { OrderingKeyBody, OrderingKeysQuery, UnblockBody } from "../../../contract/ordering-keys.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { changeKey, type KeyChange, orderingKeysPage } from "../dead-letters/ordering-keys.ts";
import { readJson, validated, validatedQuery } from "../http/request-body.ts";
import { existingQueue, queueOf } from "../queues/named-queue.ts";

/** Parked ordering keys: seeing them, pausing and resuming them, and deciding about what blocks them. */
export const orderingKeyRoutes = new Hono<AppEnv>()
  .get("/:queue/keys", async (c) => {
    requireScope(c.var.caller, "read");
    const query = validatedQuery(c, OrderingKeysQuery);
    await existingQueue(c);
    return c.json(await orderingKeysPage(c.var.services, queueOf(c), query));
  })
  .post("/:queue/keys/unblock", async (c) => {
    requireScope(c.var.caller, "admin");
    const { key, action, jobId } = validated(UnblockBody, await readJson(c));
    return changed(c, { key, action, job: jobId ?? null });
  })
  .post("/:queue/keys/pause", async (c) => setPaused(c, "pause"))
  .post("/:queue/keys/resume", async (c) => setPaused(c, "resume"));

async function setPaused(c: AppContext, action: "pause" | "resume"): Promise<Response> {
  requireScope(c.var.caller, "admin");
  const { key } = validated(OrderingKeyBody, await readJson(c));
  return changed(c, { key, action, job: null });
}

async function changed(c: AppContext, change: KeyChange): Promise<Response> {
  const settings = await existingQueue(c);
  return c.json(await changeKey(c.var.services, c.env.DB, { settings, change }));
}
