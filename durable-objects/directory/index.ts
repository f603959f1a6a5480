import { DurableObject } from "cloudflare:workers";
import type { DirectoryApi } from "../../contract/rpc.ts";
import type { SlotMap } from "../../domain/slots.ts";
import { durableSql } from "../do-sql.ts";
import { DirectoryStore } from "./store.ts";

const DEFAULT_SHARDS = 4;
const MAX_SHARDS = 4096;

/** The owner of the slot map: one object, named "directory". Callers cache what it says. */
export class Directory extends DurableObject<Env> implements DirectoryApi {
  #store: DirectoryStore;
  #shards: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new DirectoryStore(durableSql(ctx.storage));
    this.#shards = shardsFrom(env.SHARDS);
  }

  async map(): Promise<SlotMap> {
    return this.#store.birth(this.#shards);
  }
}

/** `SHARDS` is read once, when the first map is made. */
function shardsFrom(text: string): number {
  const shards = Number(text);
  return Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS ? shards : DEFAULT_SHARDS;
}
