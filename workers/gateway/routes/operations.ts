import { Hono } from "hono";
import type { AuditView } from "../../../contract/admin.ts";
import { requireScope } from "../access/auth.ts";
import type { AppEnv } from "../context.ts";
import { audit, cluster } from "../shards/audit.ts";

/** Details name jobs and queues of every namespace: only the root key may read those. */
function withoutNames(view: AuditView): AuditView {
  const detail = "The root key is told which.";
  return { ...view, violations: view.violations.map((violation) => ({ ...violation, detail })) };
}

/** What operators read of the whole deployment. */
export const operationRoutes = new Hono<AppEnv>()
  .get("/cluster", async (c) => {
    requireScope(c.var.caller, "admin");
    return c.json(await cluster(c.var.services));
  })
  .get("/audit", async (c) => {
    requireScope(c.var.caller, "admin");
    const view = await audit(c.var.services, Date.now());
    return c.json(c.var.caller.root ? view : withoutNames(view));
  });
