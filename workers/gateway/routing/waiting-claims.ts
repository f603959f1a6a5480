import type { QueueSettings } from "../../../domain/queue.ts";
import { ExpiringMap } from "../expiring-map.ts";

/**
 * So many waiting claims of an isolate watch a shard of their queue before others leave it to them. Up to this many workers each
 * watch every shard.
 */
export const ENOUGH = 16;
/** Longer than a claim may wait. */
const REMEMBERED_MS = 120_000;
const MAX_QUEUES = 10_000;
const SECOND_MS = 1_000;

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

/**
 * A count of what ends by itself at some time. The runtime may end a request without a word: then it is counted until its time is over,
 * and no longer.
 */
class CountUntil {
  /** By the second, since the epoch, in which they end. */
  readonly #bySecond = new Map<number, number>();
  #total = 0;
  #looked = 0;

  add(until: number): () => void {
    const second = Math.ceil(until / SECOND_MS);
    this.#move(second, 1);
    let counted = true;
    return () => {
      if (counted && this.#bySecond.has(second)) this.#move(second, -1);
      counted = false;
    };
  }

  at(now: number): number {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#looked) {
      for (const [ends, count] of this.#bySecond) if (ends < second) this.#move(ends, -count);
      this.#looked = second;
    }
    return this.#total;
  }

  #move(second: number, by: number): void {
    const count = (this.#bySecond.get(second) ?? 0) + by;
    if (count === 0) this.#bySecond.delete(second);
    else this.#bySecond.set(second, count);
    this.#total += by;
  }
}
