import { limitsKeys, partitionShare } from "../../../domain/queue.ts";
import { type Rate, type RateLog, rateOpensAt, rateRoom, withStarts } from "../../../domain/rate.ts";
import { slotOf, slotsOfQueue } from "../../../domain/slots.ts";
import { COUNTS } from "../jobs/counts.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { EACH_PACK, PACKS } from "../jobs/packs/packs.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, readable } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import type { GateKey, RatedPartition } from "./flow-store.ts";
import { EACH_RATE, FLOW } from "./flow-store.ts";

/** Whether a partition of the queue may be full though it has ready jobs. */
function isLimited({ settings }: KnownQueue): boolean {
  return settings.concurrency !== null || settings.rate !== null;
}

/** How many more jobs of a partition may start: what is left of its shares of the queue's concurrency and rate. */
export function partitionRoom(
  parts: Parts,
  queue: KnownQueue,
  { partition, now }: { partition: number; now: number },
): number {
  const rate = rateShare(queue, partition);
  const places = placesLeft(parts, queue, partition);
  if (rate === null || places <= 0) return places;
  const log = rateLog(parts, ratedPartition(queue, partition), now);
  return log === null ? 0 : Math.min(places, rateRoom(log, rate, now));
}

/** What a partition has started; null while that is set aside. Then nothing starts: the limit is kept. */
function rateLog(parts: Parts, rated: RatedPartition, now: number): RateLog | null {
  const name = { kind: EACH_RATE.kind, key: EACH_RATE.keyOf(rated) };
  if (parts.get(QUARANTINE).holds(name.kind, name.key, now)) return null;
  const log = readable(parts, name, { now, make: () => parts.get(FLOW).rateLog(rated) });
  if (log !== null && parts.get(QUARANTINE).any) parts.get(QUARANTINE).release(name);
  return log;
}

/** What is left of a partition's share of the concurrency. */
export function placesLeft(parts: Parts, { ref, settings }: KnownQueue, partition: number): number {
  const { concurrency, partitions } = settings;
  if (concurrency === null) return Number.POSITIVE_INFINITY;
  return partitionShare(concurrency, partitions, partition) - parts.get(JOBS).runningUnderLimit(ref, partition);
}

/** The partition's part of the queue's rate; null without one. */
export function rateShare({ settings }: KnownQueue, partition: number): Rate | null {
  const { rate, partitions } = settings;
  return rate === null ? null : { ...rate, limit: partitionShare(rate.limit, partitions, partition) };
}

/** Names the partition where its starts are kept. */
export function ratedPartition({ ref, settings }: KnownQueue, partition: number): RatedPartition {
  return { slot: slotOf(settings.namespace, settings.name, partition), queue: ref, partition };
}

/** How many more jobs of a concurrency key may start. */
export function keyRoom(parts: Parts, gate: GateKey, now: number): number {
  const { queue: ref, key } = gate;
  const { settings } = parts.get(QUEUES).get(ref);
  if (!limitsKeys(settings)) return Number.POSITIVE_INFINITY;
  const { perKeyConcurrency, perKeyRate } = settings;
  const places =
    perKeyConcurrency === null ? Number.POSITIVE_INFINITY : perKeyConcurrency - parts.get(FLOW).runningOfKey(ref, key);
  return perKeyRate === null ? places : Math.min(places, rateRoom(parts.get(FLOW).gate(gate).log, perKeyRate, now));
}

/** The jobs of a queue that a claim would look at: those that are ready, but for those that are set aside. */
export function readyJobs(parts: Parts, queue: number, now: number): number {
  const ready = parts.get(COUNTS).of(queue).ready - packedAside(parts, queue, now);
  const passedOver = ready === 0 ? [] : parts.get(QUARANTINE).passedOverKeys(EACH_JOB.kind, now);
  return passedOver.length === 0 ? ready : Math.max(0, ready - parts.get(JOBS).readyAmong(queue, passedOver));
}

/** Jobs of a queue that wait in packs which are set aside. */
function packedAside(parts: Parts, queue: number, now: number): number {
  let jobs = 0;
  for (const key of parts.get(QUARANTINE).passedOverKeys(EACH_PACK.kind, now)) {
    const head = parts.get(PACKS).get(Number(key));
    if (head?.queue === queue) jobs += head.waiting;
  }
  return jobs;
}

/**
 * How many jobs of a queue a claim could start now, for those who ring and wait. Never too few; of several partitions it
 * may count room that one has and cannot use.
 */
export function claimable(parts: Parts, queue: KnownQueue, now: number): number {
  const ready = readyJobs(parts, queue.ref, now);
  if (ready === 0 || queue.settings.paused) return 0;
  if (!isLimited(queue)) return ready;
  const looksAll = parts.get(QUARANTINE).count(EACH_JOB.kind, now) === 0;
  let room = 0;
  for (const partition of parts.get(JOBS).readyPartitions(queue.ref)) {
    // Whoever waits would claim again and again where there is room for what is passed over alone.
    if (!looksAll && readyIn(parts, { ref: queue.ref, partition }, { most: 1, now }) === 0) continue;
    room += Math.max(0, partitionRoom(parts, queue, { partition, now }));
    if (room >= ready) return ready;
  }
  return room;
}

/** How many ready jobs of a partition a claim would look at, as far as `most`. Reads them all. */
function readyIn(
  parts: Parts,
  { ref, partition }: { ref: number; partition: number },
  { most, now }: { most: number; now: number },
): number {
  const quarantine = parts.get(QUARANTINE);
  const rows = parts.get(JOBS).ready({ queue: ref, partition, now }, most + quarantine.count(EACH_JOB.kind, now));
  return Math.min(most, rows.filter(({ id }) => !quarantine.holds(EACH_JOB.kind, id, now)).length);
}

/** How many jobs of a queue a claim could start now, exactly as far as `most` in each partition. Reads them all. */
export function startable(parts: Parts, queue: KnownQueue, { most, now }: { most: number; now: number }): number {
  if (queue.settings.paused) return 0;
  if (!isLimited(queue)) return readyJobs(parts, queue.ref, now);
  return parts
    .get(JOBS)
    .readyPartitions(queue.ref)
    .reduce((sum, partition) => {
      const room = Math.min(most, Math.max(0, partitionRoom(parts, queue, { partition, now })));
      return sum + readyIn(parts, { ref: queue.ref, partition }, { most: room, now });
    }, 0);
}

/** Until when a start counts under the queue's rate or under that of one of its keys; null when none does. */
export function startsCountUntil(parts: Parts, { ref, settings }: KnownQueue, now: number): number | null {
  const flow = parts.get(FLOW);
  const { rate, perKeyRate } = settings;
  const slots = slotsOfQueue(settings);
  const lastAt = rate === null ? null : flow.lastStart(ref, slots);
  const ends = [
    lastAt === null || rate === null ? null : Math.min(lastAt, now) + rate.periodMs + 1,
    perKeyRate === null ? null : flow.lastLookAt(ref, slots),
  ].filter((at) => at !== null && at > now);
  return ends.length === 0 ? null : Math.max(...(ends as number[]));
}

/** When the rate lets a ready job of the queue start that it holds back now; null when it holds none back. */
export function rateHoldsUntil(parts: Parts, queue: KnownQueue, now: number): number | null {
  if (queue.settings.rate === null || queue.settings.paused || parts.get(COUNTS).of(queue.ref).ready === 0) return null;
  let soonest: number | null = null;
  for (const partition of parts.get(JOBS).readyPartitions(queue.ref)) {
    const rate = rateShare(queue, partition);
    if (rate === null || placesLeft(parts, queue, partition) <= 0) continue;
    const rated = ratedPartition(queue, partition);
    const log = rateLog(parts, rated, now);
    const triedAt = parts.get(QUARANTINE).find(EACH_RATE.kind, EACH_RATE.keyOf(rated))?.until ?? now;
    const at = log === null ? triedAt : rateOpensAt(log, rate, now);
    if (at > now && (soonest === null || at < soonest)) soonest = at;
  }
  return soonest;
}

/** What has started counts under the rate of its partition, in the step that starts it. */
export function noteStarts(
  step: Step,
  queue: KnownQueue,
  { partition, starts }: { partition: number; starts: number },
): void {
  const rate = rateShare(queue, partition);
  if (rate === null) return;
  const flow = step.get(FLOW);
  const rated = ratedPartition(queue, partition);
  flow.saveRateLog(rated, withStarts(flow.rateLog(rated), rate, { starts, now: step.now }));
}
