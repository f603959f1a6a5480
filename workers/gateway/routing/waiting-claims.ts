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

/** Told of a shard where there may be more work; null: of a place that is free. */
type Hear = (shard: string | null) => void;

/** The waiting claims of one queue: how many watch each shard, and those that have left shards to others and stand by. */
export class WatchedBy {
  readonly #shards = new Map<string, CountUntil>();
  /** In the order in which they came, each with when it counts no longer (epoch ms). */
  readonly #standingBy = new Map<Hear, number>();

  /** One more watches the shard, until then (epoch ms) at most. What is returned says once that it does no longer. */
  enter(shard: string, until: number): () => void {
    const count = this.#shards.get(shard) ?? new CountUntil();
    this.#shards.set(shard, count);
    return count.add(until);
  }

  /** Of `shards`, those that too few watch. */
  few(shards: readonly string[], now: number): string[] {
    return shards.filter((shard) => (this.#shards.get(shard)?.at(now) ?? 0) < ENOUGH);
  }

  /** How many stand by at `now` (epoch ms). */
  standingBy(now: number): number {
    this.#forget(now);
    return this.#standingBy.size;
  }

  /**
   * `hear` is told once what `tell` says, if it is the turn of whoever stands by so, until then (epoch ms) at most. What is returned ends
   * that, and may be said twice.
   */
  standBy(hear: Hear, until: number): () => void {
    this.#standingBy.set(hear, until);
    return () => this.#standingBy.delete(hear);
  }

  /** Somebody who found work goes, and there may be more at `shard`; null: somebody goes who watched. The first who stands by takes over. */
  tell(shard: string | null, now: number): void {
    this.#forget(now);
    const [first] = this.#standingBy;
    if (first === undefined) return;
    const [hear] = first;
    this.#standingBy.delete(hear);
    hear(shard);
  }

  /** The runtime may end a request without a word: then it is kept no longer than it said. Of a clock that stepped back none is believed. */
  #forget(now: number): void {
    for (const [hear, until] of this.#standingBy) {
      if (until > now && until <= now + REMEMBERED_MS) return;
      this.#standingBy.delete(hear);
    }
  }
}
