import { DurableObject } from "cloudflare:workers";
import type { DirectoryApi, Revocations, RevokeRequest } from "../../contract/rpc.ts";
import type { SlotMap } from "../../domain/slots.ts";
import { durableSql } from "../do-sql.ts";
import { RevocationStore } from "./revocations.ts";
import { DirectoryStore } from "./store.ts";

const DEFAULT_SHARDS = 4;
const MAX_SHARDS = 4096;

/**
 * The owner of the slot map, which also remembers the keys that were revoked of late: one object, named "directory". Callers
 * cache what it says.
 */
export class Directory extends DurableObject<Env> implements DirectoryApi {
  #store: DirectoryStore;
  #revocations: RevocationStore;
  #shards: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sql = durableSql(ctx.storage);
    this.#store = new DirectoryStore(sql);
    this.#revocations = new RevocationStore(sql);
    this.#shards = shardsFrom(env.SHARDS);
  }

  async map(): Promise<SlotMap> {
    return this.#store.birth(this.#shards);
  }

  async noteRevocation(request: RevokeRequest): Promise<null> {
    this.#revocations.note(request, Date.now());
    return null;
  }

  async revocations(_request: { v: number }): Promise<Revocations> {
    return this.#revocations.recent(Date.now());
  }
}

/** `SHARDS` is read once, when the first map is made. */
function shardsFrom(text: string): number {
  const shards = Number(text);
  return Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS ? shards : DEFAULT_SHARDS;
}
