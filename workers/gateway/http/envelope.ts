import type { ErrorHandler, MiddlewareHandler, NotFoundHandler } from "hono";
import { toHex } from "../../../contract/hash.ts";
import { ROUTES } from "../../../contract/routes.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { log, reasonOf } from "../log.ts";
import { servicesOf } from "../services.ts";
import { problemHeaders, problemView, Refusal } from "./refusal.ts";
import { continuedTrace } from "./trace.ts";

/** What every answer carries, whatever became of the request. */
export const envelope: MiddlewareHandler<AppEnv> = async (c, next) => {
  const requestId = crypto.randomUUID();
  c.set("requestId", requestId);
  c.set("services", servicesOf(c.env));
  await next();
  const { headers } = c.res;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  const trace = continuedTrace(c.req.header("traceparent"), newSpanId);
  if (trace !== null) headers.set("traceparent", trace);
};

function newSpanId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}

/** A refusal becomes its problem; anything else is our fault, logged under the request's id and told without detail. */
export const onError: ErrorHandler<AppEnv> = (error, c) => {
  if (error instanceof Refusal) return answer(c, error);
  log("error", "unexpected", {
    requestId: c.var.requestId,
    path: c.req.path,
    reason: reasonOf(error),
    stack: error.stack,
  });
  return answer(c, new Refusal("internal", `Please report request ${c.var.requestId}.`));
};

/** Headers that were set before the error (rate limits, bookmarks) stand on its answer too. */
function answer(c: AppContext, refusal: Refusal): Response {
  const view = problemView(refusal);
  return c.body(JSON.stringify(view), view.status, problemHeaders(refusal));
}

/** 405 with `Allow` for a path that other methods know, else 404. Answered, not thrown: a throw here passes the envelope by. */
export const onNotFound: NotFoundHandler<AppEnv> = (c) => {
  const allowed = allowedMethods(c.req.path);
  if (allowed.length === 0) return answer(c, new Refusal("not-found", "There is nothing at this path."));
  const allow = allowed.join(", ");
  return answer(c, new Refusal("method-not-allowed", `The path takes ${allow}.`, { headers: { allow } }));
};

const KNOWN_PATHS = ROUTES.map(({ method, path }) => ({
  method: method.toUpperCase(),
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{[a-z]+\}/gi, "[^/]+")}$`),
}));

function allowedMethods(path: string): string[] {
  const methods = new Set(KNOWN_PATHS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods];
}
