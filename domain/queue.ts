import type { RetryPolicy } from "./job.ts";

/** Bulkheads: each lane is a Cloudflare Queue with its own consumer concurrency. */
export const LANES = ["default", "slow", "bulk"] as const;
export type Lane = (typeof LANES)[number];

/** Where the jobs of a queue run. `pull` waits for workers that claim; the others are pushed by the processor. */
export type Target =
  | { type: "pull" }
  | { type: "handler"; name: string }
  | { type: "http"; url: string; headers: Record<string, string> };

export type PushType = Exclude<Target["type"], "pull">;

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
  retry: RetryPolicy;
  timeoutMs: number;
  retentionMs: number;
  idempotencyWindowMs: number;
  consistency: "strong";
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

/**
 * The part of a queue's limit that one partition may use. The parts add up to the limit exactly, so no
 * partition has to ask another and the limit is never exceeded.
 */
export function partitionShare(limit: number, partitions: number, partition: number): number {
  return Math.floor(limit / partitions) + (partition < limit % partitions ? 1 : 0);
}
