import type { QueueSettings } from "../../../domain/queue.ts";
import { CountUntil } from "../count-until.ts";
import { ExpiringMap } from "../expiring-map.ts";

/**
 * So many waiting claims of an isolate watch a shard of their queue before others leave it to them. Up to this many workers each
 * watch every shard.
 */
export const ENOUGH = 16;
/** Longer than a claim may wait. */
const REMEMBERED_MS = 120_000;
const MAX_QUEUES = 10_000;

/**
 * Which shards the waiting claims of this isolate watch, by queue. Thousands of workers of one queue need not each watch all of its
 * shards: it is enough that some watch each of them.
 */
export class WaitingClaims {
  readonly #queues = new ExpiringMap<WatchedBy>(REMEMBERED_MS, MAX_QUEUES);

  /** Those of a queue, for a claim that begins to wait at `now` (epoch ms). */
  of({ namespace, name }: Pick<QueueSettings, "namespace" | "name">, now: number): WatchedBy {
    const key = `${namespace}/${name}`;
    const claims = this.#queues.get(key, now) ?? new WatchedBy();
    this.#queues.set(key, claims, now);
    return claims;
  }
}

/** How many claims of one queue watch each shard. */
export class WatchedBy {
  readonly #shards = new Map<string, CountUntil>();

  /** One more watches the shard, until then (epoch ms) at most. What is returned says once that it does no longer. */
  enter(shard: string, until: number): () => void {
    const count = this.#shards.get(shard) ?? new CountUntil();
    this.#shards.set(shard, count);
    return count.add(until);
  }

  /** How many watches there are, of all shards. */
  total(now: number): number {
    let total = 0;
    for (const count of this.#shards.values()) total += count.at(now);
    return total;
  }

  /** Of `shards`, of which there is at least one: those that too few watch, and the one that the fewest do. */
  least(shards: readonly string[], now: number): { few: string[]; fewest: string | undefined } {
    const few: string[] = [];
    let fewest: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const shard of shards) {
      const count = this.#shards.get(shard)?.at(now) ?? 0;
      if (count < ENOUGH) few.push(shard);
      if (count >= least) continue;
      least = count;
      fewest = shard;
    }
    return { few, fewest };
  }
}
