import type { QueueSettings } from "../../../domain/queue.ts";
import { CountUntil } from "../count-until.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { fairPart, LOOKS, paceOf } from "../pace.ts";

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
    return this.#standingBy.lookAfterMs(this.#namespace, now);
  }
}

/** The claims of all queues that stand by, by namespace. Namespaces have fair parts of the looks of the isolate. */
class StandingBy {
  readonly #namespaces = new Map<string, CountUntil>();
  /** When the part of each was last found: the second since the epoch, and how many stood by then and have come since. */
  #second = 0;
  #counted = 0;
  #come = 0;
  #part = Number.POSITIVE_INFINITY;

  add(namespace: string, until: number): () => void {
    const count = this.#namespaces.get(namespace) ?? new CountUntil();
    this.#namespaces.set(namespace, count);
    this.#come += 1;
    return count.add(until);
  }

  /** How long one of the namespace pauses before it looks, milliseconds. */
  lookAfterMs(namespace: string, now: number): number {
    const second = Math.floor(now / 1_000);
    // A thousand may begin in one second.
    if (second !== this.#second || this.#come * 8 > this.#counted) this.#share(now);
    this.#second = second;
    const standing = this.#namespaces.get(namespace)?.at(now) ?? 0;
    return paceOf(standing, { ...LOOKS, perSecond: this.#part });
  }

  #share(now: number): void {
    const wants: number[] = [];
    this.#counted = 0;
    this.#come = 0;
    for (const [namespace, count] of this.#namespaces) {
      const standing = count.at(now);
      if (standing <= 0) this.#namespaces.delete(namespace);
      else wants.push((standing * 1_000) / LOOKS.leastMs);
      this.#counted += standing;
    }
    this.#part = fairPart(wants, LOOKS.perSecond);
  }
}
