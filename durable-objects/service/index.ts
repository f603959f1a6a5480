import { DurableObject } from "cloudflare:workers";
import type * as rpc from "../../contract/rpc/service.ts";
import { faultText } from "../../domain/fault.ts";
import { targetRulesOf } from "../../domain/target-url.ts";
import { durableSql } from "../do-sql.ts";
import { ServiceCore } from "./core.ts";
import { probe } from "./probe.ts";

/** One service of a namespace, named by `serviceObject`: the RPC surface and the alarm of `core.ts`. */
export class Service extends DurableObject<Env> implements rpc.ServiceApi {
  #core: ServiceCore | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => this.#load(await ctx.storage.getAlarm()));
  }

  #load(alarmAt: number | null): void {
    const { storage } = this.ctx;
    const rules = targetRulesOf(this.env);
    this.#core = new ServiceCore({
      sql: durableSql(storage),
      now: () => Date.now(),
      random: () => Math.random(),
      alarmAt,
      setAlarm: (at) => this.ctx.waitUntil(storage.setAlarm(at)),
      probe: (url, timeoutMs) => probe(url, timeoutMs, rules),
      forget: async () => {
        await storage.deleteAlarm();
        await storage.deleteAll();
        this.#load(null);
      },
    });
  }

  async configure({ settings }: Parameters<rpc.ServiceApi["configure"]>[0]): Promise<null> {
    this.#run("configure", (core) => core.configure(settings));
    return null;
  }

  async work(request: rpc.ServiceWorkRequest): Promise<rpc.ServiceWorkReply> {
    return this.#run("work", (core) => core.work(request));
  }

  async observe(request: rpc.ServiceObserveRequest): Promise<rpc.ServiceObserveReply> {
    return this.#run("observe", (core) => core.observe(request));
  }

  async state(_request: { v: number }): Promise<rpc.ServiceState | null> {
    return this.#run("state", (core) => core.state());
  }

  override async alarm(): Promise<void> {
    try {
      await this.#core?.alarm();
    } catch (error) {
      this.#fails("alarm", error);
    }
  }

  #run<T>(call: string, run: (core: ServiceCore) => T): T {
    if (this.#core === null) throw new Error("a service was called before it was loaded");
    try {
      return run(this.#core);
    } catch (error) {
      return this.#fails(call, error);
    }
  }

  /** What throws may have left memory behind rows: the object begins anew, from rows. */
  #fails(call: string, error: unknown): never {
    console.error(JSON.stringify({ at: `service.${call}`, error: faultText(error) }));
    this.ctx.abort("a service begins anew after a fault");
    throw error;
  }
}
