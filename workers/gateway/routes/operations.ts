import { Hono } from "hono";
import { audit, cluster } from "../audit.ts";
import { requireScope } from "../auth.ts";
import type { AppEnv } from "../context.ts";

/** What operators read of the whole deployment. */
export const operationRoutes = new Hono<AppEnv>()
  .get("/cluster", async (c) => {
    requireScope(c.var.caller, "admin");
    return c.json(await cluster(c.var.services));
  })
  .get("/audit", async (c) => {
    requireScope(c.var.caller, "admin");
    return c.json(await audit(c.var.services, Date.now()));
  });
