import type { HistoryKept } from "./history-kept.ts";
import type { RetryPolicy } from "./job/job.ts";
import type { Rate } from "./rate.ts";
import { isPushed, kindOf, type Target } from "./target.ts";

/**
 * The lanes that a queue can be in. They are bulkheads: each is a Cloudflare Queue of bells with a consumer concurrency
 * of its own, so that slow work in one holds up no other.
 */
export const LANES = ["default", "slow", "bulk"] as const;
/** One of `LANES`. */
export type Lane = (typeof LANES)[number];

/**
 * What a job that failed for good does to its ordering key: the key goes on with the next job, or is parked until a
 * person decides.
 */
export const ON_FAILURE = ["continue", "block"] as const;

/**
 * What happens to a submission whose shard is away. `strong`: it is refused (503), and nothing was accepted.
 * `available`: it is taken all the same, and committed by its shard later.
 */
export const QUEUE_CONSISTENCIES = ["strong", "available"] as const;

/**
 * A queue's settings, as gateways cache and shards keep them. `version` grows with every change, also over
 * deletion and re-creation: of two copies the higher version is the newer.
 */
export interface QueueSettings {
  namespace: string;
  name: string;
  version: number;
  /**
   * The version with which the queue was made, where an earlier queue of its name had been deleted: see `incarnationOf`. Left
   * out of the first of a name.
   */
  incarnation?: number;
  deleted: boolean;
  target: Target;
  partitions: number;
  lane: Lane;
  /** Most jobs running at once over all partitions; null is no limit. */
  concurrency: number | null;
  /** Most starts in any window of the period, over all partitions; null is no limit. */
  rate: Rate | null;
  /** Most jobs of one `concurrencyKey` running at once; null is no limit. */
  perKeyConcurrency: number | null;
  /** Most starts of one `concurrencyKey` in any window of the period; null is no limit. */
  perKeyRate: Rate | null;
  /** The queue's share of its namespace's turns in a lane: a queue of weight 3 gets three turns where one of 1 gets one. */
  weight: number;
  /** How long a job has to wait to be worth one step of priority more; null: priority is strict. See `rank.ts`. */
  priorityAgingMs: number | null;
  /** Most jobs waiting over all partitions; null is no limit. */
  maxBacklog: number | null;
  /** What a job that failed for good does to its ordering key: nothing, or hold the rest until a person decides. */
  onFailure: (typeof ON_FAILURE)[number];
  retry: RetryPolicy;
  /** How long a job may be deferred without spending attempts. Left out of settings that are older than this: a day. */
  maxDeferralMs?: number;
  timeoutMs: number;
  retentionMs: number;
  idempotencyWindowMs: number;
  /** Which finished jobs go to history. Left out of settings that are older than this: all. */
  history?: HistoryKept;
  /** Whether history has the payloads of its jobs, too. Left out of settings that are older than this: yes. */
  keepPayload?: boolean;
  consistency: (typeof QUEUE_CONSISTENCIES)[number];
  /** Of a queue that was `available` before: until when. What it deferred then may still be on its way. Epoch ms. */
  availableUntil?: number;
  /** Numbers of partitions that it had before, latest first: until when. As long as what was sent then can come again. */
  earlier?: EarlierPartitions[];
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

/**
 * Which queue of its name it is. A queue that is deleted and made again is another queue: nothing of the earlier one, no key,
 * job or count, is the later one's. 0 is the first; the number only grows.
 */
export function incarnationOf({ incarnation }: Pick<QueueSettings, "incarnation">): number {
  return incarnation ?? 0;
}

/** What tells a queue from the others of its name, in one text: the name of the first, and of a later one no name of any. */
export function queueId(name: string, { incarnation }: Pick<QueueSettings, "incarnation">): string {
  return incarnation === undefined ? name : `${name}@${incarnation}`;
}

/** A number of partitions that a queue had, and until when (epoch ms) what was sent under it can still come again. */
export interface EarlierPartitions {
  partitions: number;
  /** Epoch ms. */
  until: number;
}

/**
 * Whether the queue has a limit that is divided over its partitions. The jobs of one request that have no keys are then
 * spread, so that each partition's part is used; those of an undivided queue share a partition, and with it a shard and
 * a commit.
 */
export function isDivided(settings: Pick<QueueSettings, "concurrency" | "rate" | "maxBacklog">): boolean {
  return settings.concurrency !== null || settings.rate !== null || settings.maxBacklog !== null;
}

/** How many ms a job has to wait to be worth one step of priority more, where its queue does not say: an hour. */
export const DEFAULT_PRIORITY_AGING_MS = 3_600_000;

/** Whether a job's `concurrencyKey` means anything on this queue. Elsewhere the key is kept and holds nothing back. */
export function limitsKeys(settings: Pick<QueueSettings, "perKeyConcurrency" | "perKeyRate">): boolean {
  return settings.perKeyConcurrency !== null || settings.perKeyRate !== null;
}

/**
 * The part of a queue's limit that the partition number `partition` (from 0) may use. The parts of all partitions add
 * up to `limit` exactly, so no partition has to ask another, and the limit is never exceeded. A part may be 0 where the
 * limit is below the number of partitions.
 */
export function partitionShare(limit: number, partitions: number, partition: number): number {
  return Math.floor(limit / partitions) + (partition < limit % partitions ? 1 : 0);
}

/** Whose visit the jobs of a queue wait for: the processor's in a lane, or that of the consumer that claims by queue there. */
export type WorkLine = Lane | `${Lane}/consumer`;
export const WORK_LINES: readonly WorkLine[] = [...LANES, ...LANES.map((lane) => `${lane}/consumer` as const)];

/** The line whose bell calls for the jobs of a queue; null where nobody is called. */
export function workLineOf({ target, lane }: QueueSettings): WorkLine | null {
  if (isPushed(target)) return lane;
  return kindOf(target)?.claimedBy === "consumer" ? `${lane}/consumer` : null;
}
