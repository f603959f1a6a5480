/** Shards with a number of ready jobs each, which can be watched, in the time of vitest's fake timers. */
import type { AwaitWorkRequest, ClaimedJob, ClaimRequest, ShardApi, WatchRequest } from "../../contract/rpc.ts";
import { initialMap } from "../../domain/slots.ts";
import { ShardClient } from "../../workers/gateway/routing/shard-client.ts";
import type { Heard } from "../../workers/gateway/routing/watch.ts";
import { replyOf, shardWith } from "./replies.ts";

interface Watching {
  shard: string;
  request: WatchRequest;
  hear(heard: Heard): void;
  /** It has been told, and has not said that it waits on. */
  told: boolean;
}

/** How a shard behaves. `old`: it knows no watches. `away`: it answers nothing. */
export type Manner = "well" | "old" | "away";

export class WatchedShards {
  readonly ready = new Map<string, number>();
  readonly manners = new Map<string, Manner>();
  readonly watches = new Set<Watching>();
  /** What was asked, in order: "watch shard-0", "claim shard-0", "ask shard-0". */
  readonly asked: string[] = [];
  /** Called as a shard is claimed from, before it answers. */
  onClaim: (shard: string) => void = () => undefined;
  readonly client: ShardClient;

  constructor(ready: readonly number[]) {
    for (const [i, jobs] of ready.entries()) this.ready.set(`shard-${i}`, jobs);
    this.client = new ShardClient({
      shard: (id) => this.#api(id),
      watch: async (id, request, hear) => {
        this.asked.push(`watch ${id}`);
        if (this.#manner(id) !== "well") throw new Error("The object has no fetch.");
        if (this.#jobs(id) > 0) return null;
        const own: Watching = { shard: id, request, hear, told: false };
        this.watches.add(own);
        return {
          waitOn: () => {
            own.told = false;
            this.#tell();
          },
          close: () => {
            this.watches.delete(own);
            this.#tell();
          },
        };
      },
      directory: () => ({ map: async () => initialMap(ready.length), usedShards: async () => [...this.ready.keys()] }),
      now: () => Date.now(),
      random: () => 0.5,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
  }

  /** Jobs come to a shard. */
  comes(shard: string, jobs = 1): void {
    this.ready.set(shard, this.#jobs(shard) + jobs);
    this.#tell();
  }

  /** The watches of a shard end. */
  ends(shard: string, how: Heard = "lost"): void {
    for (const own of [...this.watches].filter((watch) => watch.shard === shard)) {
      this.watches.delete(own);
      own.hear(how);
    }
  }

  /** How often something was asked. */
  count(what: string): number {
    return this.asked.filter((one) => one.startsWith(what)).length;
  }

  /** As many are told of a shard as it has jobs. */
  #tell(): void {
    const told = [...this.watches].filter((own) => own.told);
    for (const own of this.watches) {
      if (own.told || told.filter(({ shard }) => shard === own.shard).length >= this.#jobs(own.shard)) continue;
      own.told = true;
      told.push(own);
      own.hear("look");
    }
  }

  #jobs(shard: string): number {
    return this.ready.get(shard) ?? 0;
  }

  #manner(shard: string): Manner {
    return this.manners.get(shard) ?? "well";
  }

  #api(id: string): ShardApi {
    const reach = () => {
      if (this.#manner(id) === "away") throw new Error("away");
    };
    return shardWith({
      claim: async ({ max }: ClaimRequest) => {
        this.asked.push(`claim ${id}`);
        reach();
        this.onClaim(id);
        const given = Math.min(this.#jobs(id), max);
        this.ready.set(id, this.#jobs(id) - given);
        const jobs = Array.from({ length: given }, (_, i) => ({ lease: `${id}-${i}` }) as ClaimedJob);
        return replyOf({ type: "claimed", jobs });
      },
      awaitWork: async ({ waitMs }: AwaitWorkRequest) => {
        this.asked.push(`ask ${id}`);
        reach();
        for (const until = Date.now() + waitMs; Date.now() < until && this.#jobs(id) === 0; ) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        return replyOf(this.#jobs(id) > 0);
      },
    });
  }
}
