import { limitsKeys, partitionShare } from "../../../domain/queue.ts";
import { type Rate, rateOpensAt, rateRoom } from "../../../domain/rate.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import type { Stores } from "../turn.ts";

/** Whether a partition of the queue may be full though it has ready jobs. */
function isLimited({ settings }: KnownQueue): boolean {
  return settings.concurrency !== null || settings.rate !== null;
}

/** How many more jobs of a partition may start: what is left of its shares of the queue's concurrency and rate. */
export function partitionRoom(stores: Stores, queue: KnownQueue, partition: number, now: number): number {
  const rate = rateShare(queue, partition);
  const places = placesLeft(stores, queue, partition);
  return rate === null || places <= 0
    ? places
    : Math.min(places, rateRoom(stores.flow.rateLog(queue.ref, partition), rate, now));
}

/** What is left of a partition's share of the concurrency. */
export function placesLeft(stores: Stores, { ref, settings }: KnownQueue, partition: number): number {
  const { concurrency, partitions } = settings;
  if (concurrency === null) return Number.POSITIVE_INFINITY;
  return partitionShare(concurrency, partitions, partition) - stores.jobs.held(ref, partition);
}

/** The partition's part of the queue's rate; null without one. */
export function rateShare({ settings }: KnownQueue, partition: number): Rate | null {
  const { rate, partitions } = settings;
  return rate === null ? null : { ...rate, limit: partitionShare(rate.limit, partitions, partition) };
}

/** How many more jobs of a concurrency key may start. */
export function keyRoom(stores: Stores, { ref, settings }: KnownQueue, key: string, now: number): number {
  if (!limitsKeys(settings)) return Number.POSITIVE_INFINITY;
  const { perKeyConcurrency, perKeyRate } = settings;
  const places =
    perKeyConcurrency === null ? Number.POSITIVE_INFINITY : perKeyConcurrency - stores.flow.runningOfKey(ref, key);
  return perKeyRate === null ? places : Math.min(places, rateRoom(stores.flow.gate(ref, key).log, perKeyRate, now));
}

/**
 * How many jobs of a queue a claim could start now, for those who ring and wait. Never too few; of several partitions it
 * may count room that one has and cannot use.
 */
export function claimable(stores: Stores, queue: KnownQueue, now: number): number {
  const { ready } = stores.counts.of(queue.ref);
  if (ready === 0 || queue.settings.paused) return 0;
  if (!isLimited(queue)) return ready;
  let room = 0;
  for (const partition of stores.jobs.readyPartitions(queue.ref)) {
    room += Math.max(0, partitionRoom(stores, queue, partition, now));
    if (room >= ready) return ready;
  }
  return room;
}

/** How many jobs of a queue a claim could start now, exactly as far as `most` in each partition. Reads them all. */
export function startable(stores: Stores, queue: KnownQueue, { most, now }: { most: number; now: number }): number {
  if (queue.settings.paused) return 0;
  if (!isLimited(queue)) return stores.counts.of(queue.ref).ready;
  return stores.jobs.readyPartitions(queue.ref).reduce((sum, partition) => {
    const room = Math.min(most, Math.max(0, partitionRoom(stores, queue, partition, now)));
    return sum + stores.jobs.ready(queue.ref, partition, room).length;
  }, 0);
}

/** Until when a start counts under the queue's rate or under that of one of its keys; null when none does. */
export function startsCountUntil({ flow }: Stores, { ref, settings }: KnownQueue, now: number): number | null {
  const { rate, perKeyRate } = settings;
  const lastAt = rate === null ? null : flow.lastStart(ref);
  const ends = [
    lastAt === null || rate === null ? null : Math.min(lastAt, now) + rate.periodMs + 1,
    perKeyRate === null ? null : flow.lastLookAt(ref),
  ].filter((at) => at !== null && at > now);
  return ends.length === 0 ? null : Math.max(...(ends as number[]));
}

/** When the rate lets a ready job of the queue start that it holds back now; null when it holds none back. */
export function rateHoldsUntil(stores: Stores, queue: KnownQueue, now: number): number | null {
  if (queue.settings.rate === null || queue.settings.paused || stores.counts.of(queue.ref).ready === 0) return null;
  let soonest: number | null = null;
  for (const partition of stores.jobs.readyPartitions(queue.ref)) {
    const rate = rateShare(queue, partition);
    if (rate === null || placesLeft(stores, queue, partition) <= 0) continue;
    const at = rateOpensAt(stores.flow.rateLog(queue.ref, partition), rate, now);
    if (at > now && (soonest === null || at < soonest)) soonest = at;
  }
  return soonest;
}
