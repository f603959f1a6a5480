import { isProblem, jobQuarantined, type Result, together, unavailable } from "../../../contract/problems.ts";
import {
  type Busy,
  type DirectoryApi,
  type LogPosition,
  type Moved,
  type Quarantined,
  type Reply,
  RPC_VERSION,
  type ShardApi,
  type ShardCall,
  type WatchRequest,
} from "../../../contract/rpc.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { away, reach } from "./reach.ts";
import type { Heard, OpenWatch, Watch } from "./watch.ts";

/** Most newer maps one call follows: a slot does not move twice in a moment. */
const MAX_MOVES = 4;
/** How long a call waits in all for a shard that is busy. A freeze for a move lasts milliseconds. */
export const MAX_BUSY_MS = 2000;

/** What clients have in common that are one made from another. */
interface Shared {
  known: { map: SlotMap | null };
  listener: Listener | null;
  used: ReadonlySet<string> | null;
}

/** What `ShardClient` needs of the world. */
export interface ShardPorts {
  shard(id: string): ShardApi;
  watch: OpenWatch;
  directory(): Pick<DirectoryApi, "map" | "usedShards">;
  now(): number;
  random(): number;
  sleep(ms: number): Promise<void>;
}

export type Answered<R> = Exclude<R, Moved | Busy | Quarantined>;
/** An answer that may be `moved`: the caller plans again. */
type Once<R> = Exclude<R, Busy | Quarantined>;

export interface CallOptions {
  /** A call that may run twice is tried once more when the object could not be reached. */
  idempotent: boolean;
}

/** One call of a shard: to be made once more, with the same head, when it may run twice. */
export type Call<R> = (shard: ShardApi, head: ShardCall) => Promise<Reply<R>>;

/** Is told how far a shard's log was with every answer that is handed on. */
export type Listener = (shard: string, log: LogPosition) => void;

/** Reaches shards: knows the map, follows moves, waits out short pauses, and answers failures as 503 problems. One an isolate. */
export class ShardClient {
  readonly #ports: ShardPorts;
  readonly #known: { map: SlotMap | null };
  readonly #listener: Listener | null;
  readonly #used: ReadonlySet<string> | null;

  constructor(ports: ShardPorts, of: Partial<Shared> = {}) {
    this.#ports = ports;
    this.#known = of.known ?? { map: null };
    this.#listener = of.listener ?? null;
    this.#used = of.used ?? null;
  }

  /** The same client, knowing what this one knows, whose answers `listener` hears. */
  heardBy(listener: Listener): ShardClient {
    return new ShardClient(this.#ports, { known: this.#known, used: this.#used, listener });
  }

  /**
   * The same client for whoever must make no object: what goes to every shard goes to those alone that the Directory knows to be
   * there. What is asked of one shard by its name or slot goes to it all the same.
   */
  async usedAlone(): Promise<Result<ShardClient>> {
    try {
      const used = new Set(await this.#ports.directory().usedShards({ v: RPC_VERSION }));
      return new ShardClient(this.#ports, { known: this.#known, used, listener: this.#listener });
    } catch (error) {
      return away("directory", error);
    }
  }

  /** The shards that are asked when every one is. */
  every(map: SlotMap): string[] {
    const ids = map.shards.map(({ id }) => id);
    return this.#used === null ? ids : ids.filter((id) => this.#used?.has(id));
  }

  /** The map as this isolate knows it. It may be old: the shards say so. */
  async map(): Promise<Result<SlotMap>> {
    return this.#known.map ?? this.refresh();
  }

  /** The map as the Directory has it now. */
  async refresh(): Promise<Result<SlotMap>> {
    try {
      return this.adopt(await this.#ports.directory().map());
    } catch (error) {
      return away("directory", error);
    }
  }

  /** A shard that went by `map` was asked, and owns the slot no more: the newest map known to it or to the Directory. */
  async follow(moved: Moved, map: SlotMap): Promise<Result<SlotMap>> {
    const newest = this.adopt(moved.map);
    // A shard that is behind answers with the map we already have: ask the Directory then.
    return newest.epoch === map.epoch ? this.refresh() : newest;
  }

  /** Takes a newer map; answers the newest known. */
  adopt(map: SlotMap): SlotMap {
    const { map: known } = this.#known;
    if (known !== null && map.epoch <= known.epoch) return known;
    this.#known.map = map;
    return map;
  }

  /** Asks the owner of `slot`. A 503 problem when no answer can be had. */
  async ask<R>(slot: number, options: CallOptions, call: Call<R>): Promise<Result<Answered<R>>> {
    const reply = await this.askWithLog(slot, options, call);
    return isProblem(reply) ? reply : reply.result;
  }

  /** As `ask`, and how far the owner's log was when it answered. */
  async askWithLog<R>(slot: number, options: CallOptions, call: Call<R>): Promise<Result<Reply<Answered<R>>>> {
    for (let moves = 0; moves <= MAX_MOVES; moves++) {
      const map = await this.map();
      if (isProblem(map)) return map;
      const reply = await this.onceWithLog(ownerOf(map, slot), options, call);
      if (isProblem(reply)) return reply;
      const { result, log } = reply;
      if (!isMoved(result)) return { result: result as Answered<R>, log };
      const newer = await this.follow(result, map);
      if (isProblem(newer)) return newer;
    }
    return unavailable.jobMoving();
  }

  /** Asks one shard by its id and hands back `moved` for the caller to plan again. Waits while it is busy. */
  async once<R>(id: string, options: CallOptions, call: Call<R>): Promise<Result<Once<R>>> {
    const reply = await this.onceWithLog(id, options, call);
    return isProblem(reply) ? reply : reply.result;
  }

  /** As `once`, and how far the shard's log was when it answered. Every answer of a shard passes through here. */
  async onceWithLog<R>(id: string, options: CallOptions, call: Call<R>): Promise<Result<Reply<Once<R>>>> {
    const deadline = this.#ports.now() + MAX_BUSY_MS;
    const map = this.#known.map ?? (await this.refresh());
    if (isProblem(map)) return map;
    const head = { v: RPC_VERSION, epoch: map.epoch };
    for (;;) {
      const reply = await reach(id, options, () => call(this.#ports.shard(id), head));
      if (isProblem(reply)) return reply;
      const { result, log } = reply;
      if (isQuarantined(result)) return jobQuarantined(result);
      if (!isBusy(result)) {
        this.#listener?.(id, log);
        return { result: result as Once<R>, log };
      }
      const wait = Math.max(5, result.retryAfterMs) * (0.5 + this.#ports.random());
      if (this.#ports.now() + wait > deadline) return unavailable.busy(result.retryAfterMs / 1000);
      await this.#ports.sleep(wait);
    }
  }

  /** Opens a watch at a shard, as `OpenWatch` says. A 503 problem when none can be had. */
  async watch(
    id: string,
    request: Omit<WatchRequest, keyof ShardCall>,
    hear: (heard: Heard) => void,
  ): Promise<Result<Watch | null>> {
    const map = await this.map();
    if (isProblem(map)) return map;
    try {
      return await this.#ports.watch(id, { v: RPC_VERSION, epoch: map.epoch, ...request }, hear);
    } catch (error) {
      return away(id, error);
    }
  }

  /** Waits, by the clock that this client waits by. */
  pause(ms: number): Promise<void> {
    return this.#ports.sleep(ms);
  }

  /** Uniform in [0, 1). */
  random(): number {
    return this.#ports.random();
  }

  /** Asks every shard of the map at once. The problem of one is that of all: half an answer would be a wrong one. */
  async all<R>(options: CallOptions, call: Call<R>): Promise<Result<Once<R>[]>> {
    const map = await this.map();
    if (isProblem(map)) return map;
    return together(this.every(map).map((id) => this.once(id, options, call)));
  }
}

function isMoved<R>(reply: R): reply is R & Moved {
  return typeOf(reply) === "moved";
}

function isBusy<R>(reply: R): reply is R & Busy {
  return typeOf(reply) === "busy";
}

function isQuarantined<R>(reply: R): reply is R & Quarantined {
  return typeOf(reply) === "quarantined";
}

function typeOf(reply: unknown): unknown {
  return typeof reply === "object" && reply !== null && "type" in reply ? reply.type : null;
}
