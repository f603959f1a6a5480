import { Hono } from "hono";
import { CALL_LIST } from "../../../../contract/http/calls.ts";
import type { DoorEnv } from "./door.ts";
import { serveProxy } from "./proxy-door.ts";
import { onError, onNotFound, requireHost, serve } from "./serve.ts";

/** The HTTP API: a route for each call that is defined, each behind the same checks. */
export const app = new Hono<DoorEnv>();

app.use(requireHost);

for (const definition of CALL_LIST) {
  app.on(definition.method.toUpperCase(), definition.path.replace(/\{(\w+)\}/g, ":$1"), serve(definition));
}

app.all("/v1/services/:service/proxy", serveProxy);
app.all("/v1/services/:service/proxy/*", serveProxy);

app.onError(onError);
app.notFound(onNotFound);
