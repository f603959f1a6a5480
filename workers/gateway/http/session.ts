import type { MiddlewareHandler } from "hono";
import { HistorySessions } from "../../db/sessions.ts";
import type { AppEnv } from "../context.ts";
import { ReadSession } from "../jobs/read-session.ts";

/**
 * Goes on with the session of whoever sends a bookmark, and hands the bookmark on: every answer that read or wrote jobs
 * carries one, refusals too.
 */
export const session: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { services, caller } = c.var;
  const before = await services.bookmarks.read(caller.namespace, c.req.header("dure-bookmark"), Date.now());
  const opened = new ReadSession(new HistorySessions(c.env.DB, services.retryD1), before);
  c.set("session", opened);
  c.set("services", { ...services, shards: services.shards.heardBy((id, log) => opened.heard(id, log)) });
  await next();
  if (!opened.touched) return;
  const bookmark = await services.bookmarks.write(caller.namespace, opened.vector(), Date.now());
  c.res.headers.set("dure-bookmark", bookmark);
};
