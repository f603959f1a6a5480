import type { QueueSettings } from "../../../domain/queue.ts";
import { CountUntil } from "../count-until.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { LOOKS, paceOf } from "../pace.ts";

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
  readonly #standingBy = new StandingBy();

  /** Those of a queue, for a claim that begins to wait at `now` (epoch ms). */
  of({ namespace, name }: Pick<QueueSettings, "namespace" | "name">, now: number): WatchedBy {
    const key = `${namespace}/${name}`;
    const claims = this.#queues.get(key, now) ?? new WatchedBy(namespace, this.#standingBy);
    this.#queues.set(key, claims, now);
    return claims;
  }
}

/** The waiting claims of one queue: how many watch each shard. Those that have left one to others stand by. */
export class WatchedBy {
  readonly #shards = new Map<string, CountUntil>();
  readonly #namespace: string;
  readonly #standingBy: StandingBy;

  constructor(namespace: string, standingBy: StandingBy) {
    this.#namespace = namespace;
    this.#standingBy = standingBy;
  }

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

  /** One more stands by, until then (epoch ms) at most. What is returned says once that it does no longer. */
  standBy(until: number): () => void {
    return this.#standingBy.add(this.#namespace, until);
  }

  /** How long one who stands by pauses before it looks, milliseconds: the longer the more of them its namespace has in the isolate. */
  lookAfterMs(now: number): number {
    return paceOf(this.#standingBy.shareOf(this.#namespace, now), LOOKS);
  }
}

/** The claims of all queues that stand by, by namespace. Each namespace has the same part of the looks of the isolate. */
class StandingBy {
  readonly #namespaces = new Map<string, CountUntil>();
  /** The second, since the epoch, in which those of which none is left were last forgotten. */
  #tidied = 0;

  add(namespace: string, until: number): () => void {
    const count = this.#namespaces.get(namespace) ?? new CountUntil();
    this.#namespaces.set(namespace, count);
    return count.add(until);
  }

  /** How many would stand by if every namespace had as many as this one. */
  shareOf(namespace: string, now: number): number {
    this.#tidy(now);
    return (this.#namespaces.get(namespace)?.at(now) ?? 0) * this.#namespaces.size;
  }

  #tidy(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second === this.#tidied) return;
    this.#tidied = second;
    for (const [namespace, count] of this.#namespaces) if (count.at(now) <= 0) this.#namespaces.delete(namespace);
  }
}
