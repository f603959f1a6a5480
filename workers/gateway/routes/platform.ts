import { Hono } from "hono";
import { openapiDocument } from "../../../contract/openapi.ts";
import type { AppEnv } from "../context.ts";
import { toBase64Url } from "../http/bytes.ts";
import { docsPage } from "../http/docs-page.ts";
import { OPENMETRICS, openMetrics } from "../shards/metrics.ts";
import { readiness } from "../shards/readiness.ts";

/** The release, as the OpenAPI document states it. */
const VERSION = "0.1.0";

/** Made on first use: most isolates are never asked for it. */
let openapi: string | null = null;

/** What needs no key, and tells nothing of any namespace. */
export const platformRoutes = new Hono<AppEnv>()
  .get("/healthz", (c) => c.text("ok\n"))
  .get("/readyz", async (c) => {
    const ready = await readiness(c.var.services, c.env);
    return c.json(ready, ready.status === "down" ? 503 : 200);
  })
  .get("/metrics", async (c) => {
    const { shards } = c.var.services;
    const entries = (await shards.map()).shards;
    const health = await Promise.all(
      entries.map(async ({ id }) => ({
        id,
        health: await shards.once(id, { idempotent: true }, (shard, head) => shard.wake(head)),
      })),
    );
    return c.body(openMetrics(health, Date.now()), 200, { "content-type": OPENMETRICS });
  })
  .get("/openapi.json", (c) => {
    openapi ??= JSON.stringify(openapiDocument(VERSION));
    return c.body(openapi, 200, { "content-type": "application/json", "cache-control": "public, max-age=60" });
  })
  .get("/docs", (c) => {
    const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
    const policy = [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
    return c.html(docsPage(nonce), 200, { "content-security-policy": policy });
  });
