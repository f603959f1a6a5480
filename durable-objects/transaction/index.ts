import { DurableObject } from "cloudflare:workers";
import { objectStub } from "../../contract/object-stub.ts";
import type * as rpc from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import type { Outcome } from "../../domain/two-phase.ts";
import { durableSql } from "../do-sql.ts";
import { TransactionCore } from "./core.ts";

/** One atomic batch over several shards, named by its id: the RPC surface and the alarm of `core.ts`. */
export class Transaction extends DurableObject<Env> implements rpc.TransactionApi {
  #core: TransactionCore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#core = new TransactionCore({
      sql: durableSql(ctx.storage),
      now: () => Date.now(),
      after: (ms, wake) => {
        const timer = setTimeout(wake, ms);
        return () => clearTimeout(timer);
      },
      setAlarm: (at) => ctx.waitUntil(ctx.storage.setAlarm(at)),
      forget: async () => {
        await ctx.storage.deleteAlarm();
        await ctx.storage.deleteAll();
      },
      shard: (id) => objectStub(this.env.SHARD, id, this.env),
      directory: () => objectStub(this.env.DIRECTORY, "directory", this.env),
    });
  }

  async run(request: rpc.RunRequest): Promise<rpc.RunReply> {
    return this.#core.run(request);
  }

  async outcome(_request: { v: number }): Promise<Outcome> {
    return this.#core.outcome();
  }

  override async alarm(): Promise<void> {
    try {
      await this.#core.alarm();
    } catch (error) {
      // An alarm that throws six times is dropped for good; the core has armed the next one before it began.
      console.error(JSON.stringify({ at: "transaction.alarm", error: faultText(error) }));
    }
  }
}
