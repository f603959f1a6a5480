import { app } from "./doors/http/app.ts";
import { consumeIngest } from "./doors/ingest/consumer.ts";
import { repair } from "./scheduled.ts";

/**
 * The gateway Worker: the HTTP API, the entrypoint `Dure` for other Workers, the consumer of the ingest Queue, self-repair
 * by cron, and the Durable Object classes that live in its script.
 */
export { Directory } from "../../durable-objects/directory/index.ts";
export { RateLimiter } from "../../durable-objects/rate-limiter/index.ts";
export { Service } from "../../durable-objects/service/index.ts";
export { Shard } from "../../durable-objects/shard/shard.ts";
export { Transaction } from "../../durable-objects/transaction/index.ts";
export { Dure } from "./doors/binding/entrypoint.ts";

export default {
  fetch: app.fetch,
  scheduled: (_controller, env, context) => {
    context.waitUntil(repair(env, Date.now()));
  },
  queue: consumeIngest,
} satisfies ExportedHandler<Env>;
