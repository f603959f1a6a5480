import { DurableObject } from "cloudflare:workers";
import type { LeaseReply, LeaseRequest, RateLimiterApi } from "../../contract/rpc.ts";
import { durableSql } from "../do-sql.ts";
import { RateLedger } from "./ledger.ts";
import { BucketStore } from "./store.ts";

/**
 * What the keys of one namespace, and the namespace itself, may still spend: the RPC surface of `ledger.ts`. It sets no alarm
 * and no timer, and may leave memory between two calls.
 */
export class RateLimiter extends DurableObject<Env> implements RateLimiterApi {
  readonly #ledger: RateLedger;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#ledger = new RateLedger(new BucketStore(durableSql(ctx.storage)), Date.now());
  }

  async lease(request: LeaseRequest): Promise<LeaseReply> {
    return this.#ledger.lease(request, Date.now());
  }

  async forget(_request: { v: number }): Promise<null> {
    this.#ledger.forget();
    return null;
  }
}
