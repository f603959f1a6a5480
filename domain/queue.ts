import type { RetryPolicy } from "./job/job.ts";
import type { Rate } from "./rate.ts";

/** Bulkheads: each lane is a Cloudflare Queue with its own consumer concurrency. */
export const LANES = ["default", "slow", "bulk"] as const;
export type Lane = (typeof LANES)[number];

export const ON_FAILURE = ["continue", "block"] as const;

/** What a submission does whose shard is away: it is refused (503), or taken all the same and committed later. */
export const QUEUE_CONSISTENCIES = ["strong", "available"] as const;

/**
 * Where the jobs of a queue run. `pull` waits for workers that claim. `consumer` rings for a Worker of the user's own that
 * consumes the Queue of its lane and claims. The others are pushed by the processor.
 */
export type Target =
  | { type: "pull" }
  | { type: "consumer" }
  | { type: "handler"; name: string }
  | { type: "http"; url: string; headers: Record<string, string> };

/** What the processor claims by lane. The jobs of the others are claimed by queue, through the pull door. */
export type PushTarget = Extract<Target, { type: "handler" | "http" }>;
export type PushType = PushTarget["type"];

/** Whether the processor claims the jobs. */
export function isPushed(target: Target): target is PushTarget {
  return target.type === "handler" || target.type === "http";
}

/**
 * A queue's settings, as gateways cache and shards keep them. `version` grows with every change, also over
 * deletion and re-creation: of two copies the higher version is the newer.
 */
export interface QueueSettings {
  namespace: string;
  name: string;
  version: number;
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
  timeoutMs: number;
  retentionMs: number;
  idempotencyWindowMs: number;
  consistency: (typeof QUEUE_CONSISTENCIES)[number];
  /** Of a queue that was `available` before: until when. What it deferred then may still be on its way. Epoch ms. */
  availableUntil?: number;
  /** Numbers of partitions that it had before, latest first: until when. As long as what was sent then can come again. */
  earlier?: EarlierPartitions[];
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

export interface EarlierPartitions {
  partitions: number;
  /** Epoch ms. */
  until: number;
}

/** A limit is divided over the partitions, so its jobs are spread; others of one request share a shard and a commit. */
export function isDivided(settings: Pick<QueueSettings, "concurrency" | "rate" | "maxBacklog">): boolean {
  return settings.concurrency !== null || settings.rate !== null || settings.maxBacklog !== null;
}

/** A job that has waited an hour is worth a step of priority more. */
export const DEFAULT_PRIORITY_AGING_MS = 3_600_000;

/** Settings written by an earlier version lack what was added since: these are the defaults of what they lack. */
const ADDED: Pick<
  QueueSettings,
  "rate" | "perKeyConcurrency" | "perKeyRate" | "weight" | "priorityAgingMs" | "maxBacklog" | "onFailure"
> = {
  rate: null,
  perKeyConcurrency: null,
  perKeyRate: null,
  weight: 1,
  priorityAgingMs: DEFAULT_PRIORITY_AGING_MS,
  maxBacklog: null,
  onFailure: "continue",
};

/** Settings as stored, whatever version wrote them, made complete. */
export function completeSettings(stored: QueueSettings): QueueSettings {
  return { ...ADDED, ...stored };
}

/** Whether a job's `concurrencyKey` means anything on this queue. */
export function limitsKeys(settings: Pick<QueueSettings, "perKeyConcurrency" | "perKeyRate">): boolean {
  return settings.perKeyConcurrency !== null || settings.perKeyRate !== null;
}

/**
 * The part of a queue's limit that one partition may use. The parts add up to the limit exactly, so no
 * partition has to ask another and the limit is never exceeded.
 */
export function partitionShare(limit: number, partitions: number, partition: number): number {
  return Math.floor(limit / partitions) + (partition < limit % partitions ? 1 : 0);
}
