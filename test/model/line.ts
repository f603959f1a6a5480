/** Who may start, and in which order. Nothing is kept: every answer is worked out anew from all jobs. */

import { isOver, isPassedOver, type ModelJob, type ModelQueue, rank } from "./job.ts";
import type { DedupKeys } from "./keys.ts";

/** What the rules look at. */
export interface Standing {
  jobs: ModelJob[];
  dedup: DedupKeys;
  now: number;
}

/** Of the unfinished jobs of an ordering key: the one that runs, else the one accepted first. */
export function headOf({ jobs }: Standing, queue: ModelQueue, key: string): ModelJob | undefined {
  const line = jobs
    .filter((job) => job.queue === queue && job.orderingKey === key && !isOver(job))
    .sort((a, b) => a.seq - b.seq);
  return line.find(({ state }) => state === "running") ?? line[0];
}

/** Due, nothing of its ordering key before it, the key not parked, and no job of its deduplication key to wait for. */
export function isHead(standing: Standing, job: ModelJob): boolean {
  const { queue, orderingKey } = job;
  if (job.state !== "queued" || standing.dedup.before(job) !== undefined) return false;
  return orderingKey === null || (headOf(standing, queue, orderingKey) === job && !queue.parked.has(orderingKey));
}

export function limitsKeys({ settings }: ModelQueue): boolean {
  return settings.perKeyConcurrency !== null || settings.perKeyRate !== null;
}

export function runningOfKey({ jobs }: Standing, queue: ModelQueue, key: string): number {
  return jobs.filter((job) => job.queue === queue && job.concurrencyKey === key && job.state === "running").length;
}

/** How many more jobs of a concurrency key may start. */
export function keyRoom(standing: Standing, queue: ModelQueue, key: string): number {
  const { perKeyConcurrency, perKeyRate } = queue.settings;
  const places = (perKeyConcurrency ?? Number.POSITIVE_INFINITY) - runningOfKey(standing, queue, key);
  const starts = queue.keyStarts.get(key);
  if (perKeyRate === null) return Math.max(0, places);
  return Math.max(0, Math.min(places, starts === undefined ? perKeyRate.limit : starts.room(perKeyRate, standing.now)));
}

/** Ready: queued, first of its ordering key, and among the best of its concurrency key that have room. Best first. */
export function ready(standing: Standing, queue: ModelQueue): ModelJob[] {
  const line = standing.jobs.filter((job) => job.queue === queue && isHead(standing, job)).sort(byRank);
  if (!limitsKeys(queue)) return line;
  const room = new Map<string, number>();
  return line.filter(({ concurrencyKey: key }) => {
    if (key === null) return true;
    const left = room.get(key) ?? keyRoom(standing, queue, key);
    room.set(key, left - 1);
    return left > 0;
  });
}

function byRank(a: ModelJob, b: ModelJob): number {
  return rank(a) - rank(b) || a.partition - b.partition || (a.id < b.id ? -1 : 1);
}

/** A partition's part of a limit: parts differ by one at most, and the first partitions have the larger ones. */
export function share(limit: number, partitions: number, partition: number): number {
  let mine = 0;
  for (let place = 0; place < limit; place++) if (place % partitions === partition) mine += 1;
  return mine;
}

/** Places left under the queue's concurrency. */
export function places({ jobs }: Standing, queue: ModelQueue, partition: number): number {
  const { concurrency, partitions } = queue.settings;
  if (concurrency === null) return Number.POSITIVE_INFINITY;
  const running = jobs.filter((job) => job.queue === queue && job.partition === partition && job.state === "running");
  return share(concurrency, partitions, partition) - running.length;
}

/** Starts left under the queue's rate. */
export function startsLeft({ now }: Standing, queue: ModelQueue, partition: number): number {
  const rate = rateOf(queue, partition);
  if (rate === null) return Number.POSITIVE_INFINITY;
  return queue.starts.get(partition)?.room(rate, now) ?? rate.limit;
}

export function rateOf({ settings }: ModelQueue, partition: number): { limit: number; periodMs: number } | null {
  const { rate, partitions } = settings;
  return rate === null ? null : { periodMs: rate.periodMs, limit: share(rate.limit, partitions, partition) };
}

/**
 * The jobs of a queue that a claim may take now, in the order in which it takes them. What is passed over takes no place, nor
 * do those of `passedOver`.
 */
export function claimable(
  standing: Standing,
  queue: ModelQueue,
  passedOver: ReadonlySet<ModelJob> = new Set(),
): ModelJob[] {
  const isHeld = (job: ModelJob) => isPassedOver(job, standing.now) || passedOver.has(job);
  return withinLimits(
    standing,
    queue,
    ready(standing, queue).filter((job) => !isHeld(job)),
  );
}

/** As far as the limits of the queue allow. */
export function withinLimits(standing: Standing, queue: ModelQueue, jobs: ModelJob[]): ModelJob[] {
  if (queue.settings.paused) return [];
  const room = new Map<number, number>();
  return jobs.filter(({ partition }) => {
    const left =
      room.get(partition) ?? Math.min(places(standing, queue, partition), startsLeft(standing, queue, partition));
    room.set(partition, left - 1);
    return left > 0;
  });
}
