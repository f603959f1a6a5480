import gateway, {
  Directory as RealDirectory,
  Dure as RealDure,
  RateLimiter as RealRateLimiter,
  Service as RealService,
  Shard as RealShard,
  Transaction as RealTransaction,
} from "../../workers/gateway/index.ts";
import { limited } from "./bindings.ts";
import { takeBreaches } from "./breaches.ts";
import { event, limitedClass, limitedContext } from "./entry.ts";

/** Tells the breaches of a gateway in another process; no path of the API. */
const BREACHES = "/limits/breaches";

const isolate = "gateway";

/** The gateway under the platform's limits, in its handlers, its entrypoint and its objects. */
export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    if (URL.parse(request.url)?.pathname === BREACHES) return Response.json(takeBreaches());
    return event({ isolate, event: "fetch" }, async (own) => {
      own.took(" ".repeat(Number(request.headers.get("content-length") ?? 0)));
      return gateway.fetch(request, limited(env), limitedContext(context, own));
    });
  },
  queue(batch: MessageBatch, env: Env): Promise<void> {
    return event({ isolate, event: "queue" }, async (own) => {
      for (const { body } of batch.messages) own.took(body);
      await gateway.queue(batch, limited(env));
    });
  },
  async scheduled(controller: ScheduledController, env: Env, context: ExecutionContext): Promise<void> {
    await event({ isolate, event: "scheduled" }, async (own) =>
      gateway.scheduled(controller, limited(env), limitedContext(context, own)),
    );
  },
};

export const Shard = limitedClass(RealShard, "Shard");
export const Directory = limitedClass(RealDirectory, "Directory");
export const Transaction = limitedClass(RealTransaction, "Transaction");
export const Service = limitedClass(RealService, "Service");
export const RateLimiter = limitedClass(RealRateLimiter, "RateLimiter");
export const Dure = limitedClass(RealDure, isolate);

/** Its type stays that of the real class. */
export type Shard = RealShard;
