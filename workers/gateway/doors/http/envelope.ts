import type { ErrorHandler, MiddlewareHandler } from "hono";
import { toHex } from "../../../../contract/hash.ts";
import { http } from "../../../../contract/problems.ts";
import { log, reasonOf } from "../../log.ts";
import { servicesOf } from "../../services.ts";
import { problemAnswer } from "./answer.ts";
import type { DoorContext, DoorEnv } from "./door.ts";
import { continuedTrace } from "./trace.ts";

/** What every answer carries, whatever became of the request. */
export const envelope: MiddlewareHandler<DoorEnv> = async (c, next) => {
  const id = crypto.randomUUID();
  c.set("request", { id, visit: visitOf(c) });
  await next();
  const { headers } = c.res;
  headers.set("x-request-id", id);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  const trace = continuedTrace(c.req.header("traceparent"), newSpanId);
  if (trace !== null) headers.set("traceparent", trace);
};

function visitOf(c: DoorContext) {
  return {
    services: servicesOf(c.env),
    clock: () => Date.now(),
    later: (work: Promise<unknown>) => c.executionCtx.waitUntil(work),
  };
}

function newSpanId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}

/** What is thrown is our fault: logged under the request's id, and told without detail. */
export const onError: ErrorHandler<DoorEnv> = (error, c) => {
  const { id } = c.get("request");
  log("error", "unexpected", { requestId: id, path: c.req.path, reason: reasonOf(error), stack: error.stack });
  return problemAnswer(c, http.failed(id));
};
