import { DurableObject } from "cloudflare:workers";
import { DIRECTORY_IS_THERE, type DirectoryApi, type Revocations, type RevokeRequest } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import { type SlotMap, shardsFault, shardsFrom } from "../../domain/slots.ts";
import { durableSql } from "../do-sql.ts";
import { RevocationStore } from "./revocations.ts";
import { DirectoryStore } from "./store.ts";

/** Nobody waits for KV for longer: what could not be noted now is noted when the object starts again. */
const NOTE_MS = 1_000;

/**
 * The owner of the slot map, which also remembers the keys that were revoked of late: one object, named "directory". Callers
 * cache what it says.
 */
export class Directory extends DurableObject<Env> implements DirectoryApi {
  #store: DirectoryStore;
  #revocations: RevocationStore;
  #started: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sql = durableSql(ctx.storage);
    this.#store = new DirectoryStore(sql);
    this.#revocations = new RevocationStore(sql);
  }

  async map(asker?: { shard: string }): Promise<SlotMap> {
    const map = this.#store.birth(shardsFrom(this.env.SHARDS));
    if (asker !== undefined) this.#store.noteUsed(asker.shard);
    this.#started ??= this.#start(map);
    await this.#started;
    return map;
  }

  async usedShards(_request: { v: number }): Promise<string[]> {
    return this.#store.used();
  }

  /** Once in the life of an instance: says where the variable is not heeded, and that there is a Directory. */
  async #start(map: SlotMap): Promise<void> {
    const fault = shardsFault(this.env.SHARDS, map);
    if (fault !== null) console.warn(JSON.stringify({ at: "directory.shards", warning: fault }));
    const noted = this.#noteThere().catch((error: unknown) => {
      console.warn(JSON.stringify({ at: "directory.note", error: faultText(error) }));
    });
    await Promise.race([noted, new Promise((resolve) => setTimeout(resolve, NOTE_MS))]);
  }

  async #noteThere(): Promise<void> {
    const { CACHE } = this.env;
    if ((await CACHE.get(DIRECTORY_IS_THERE)) === null) await CACHE.put(DIRECTORY_IS_THERE, "1");
  }

  async noteRevocation(request: RevokeRequest): Promise<null> {
    this.#revocations.note(request, Date.now());
    return null;
  }

  async revocations(_request: { v: number }): Promise<Revocations> {
    return this.#revocations.recent(Date.now());
  }
}
