import gateway, {
  Directory as RealDirectory,
  Shard as RealShard,
  Transaction as RealTransaction,
} from "../../workers/gateway/index.ts";
import { counted, counts } from "./counts.ts";

/** The gateway with counted bindings, in its handlers and in its objects. `/bench/used` tells the counts. */
export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/bench/used") return Response.json(counts);
    counts.workerRequests++;
    return await gateway.fetch(request, counted(env), context);
  },
  async queue(batch, env) {
    counts.workerRequests++;
    await gateway.queue(batch, counted(env));
  },
  async scheduled(controller, env, context) {
    counts.workerRequests++;
    await gateway.scheduled(controller, counted(env), context);
  },
} satisfies ExportedHandler<Env>;

export class Shard extends RealShard {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
  }
}

export class Directory extends RealDirectory {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
  }
}

export class Transaction extends RealTransaction {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env));
  }
}
