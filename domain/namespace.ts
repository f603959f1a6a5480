import { SLOTS } from "./slots.ts";

/** What a namespace may have in all. Null: as much as the deployment holds. */
export interface NamespaceLimits {
  /** Of jobs in shards: payloads, results, errors and rows, finished jobs that are still there among them. */
  bytes: number | null;
  /** Jobs that are scheduled, queued or running. */
  unfinishedJobs: number | null;
  schedules: number;
  queues: number;
  /** API keys that are neither revoked nor expired. */
  keys: number;
  subscriptions: number;
  services: number;
  /** Fires of its schedules in a second. */
  firesPerSecond: number | null;
  /** How many successes deep jobs may bring jobs: a job that was submitted has depth 0. */
  spawnDepth: number;
  /** Units of requests that all its keys may spend together in 10 s. */
  rateLimit: number | null;
}

/** What holds for a namespace whose limits nobody has set: generous, and far from what a deployment ends at. */
export const DEFAULT_NAMESPACE_LIMITS = {
  bytes: 20 * 1024 ** 3,
  unfinishedJobs: 10_000_000,
  schedules: 10_000,
  queues: 10_000,
  keys: 1_000,
  subscriptions: 100,
  services: 100,
  firesPerSecond: 100,
  spawnDepth: 32,
  rateLimit: 100_000,
} satisfies NamespaceLimits;

/** A namespace as shards have to know it. Times are epoch milliseconds. */
export interface NamespaceSettings {
  name: string;
  /** Grows with every change. Of a namespace that was deleted and made again it begins anew: see `isNewer`. */
  version: number;
  createdAt: number;
  limits: NamespaceLimits;
  /** When its deletion began; null while it lives. From then on nothing of it comes in and nothing of it starts. */
  deletingAt: number | null;
}

/** Whether `next` replaces `current`: it is another namespace of the name, made later, or a later version of the same. */
export function isNewer(next: NamespaceSettings, current: NamespaceSettings): boolean {
  return next.createdAt === current.createdAt ? next.version > current.version : next.createdAt > current.createdAt;
}

/**
 * Gateways take the time of a job's id from clocks of their own. An id that is older than its namespace by more than this is
 * of an earlier namespace of the name: a name is free again only minutes after the last job of the earlier one was taken in.
 */
const CLOCK_SLACK_MS = 60_000;

/** Whether a job that was accepted at `at` (epoch milliseconds) belongs to an earlier namespace of the name. */
export function isOfEarlier({ createdAt }: NamespaceSettings, at: number): boolean {
  return at < createdAt - CLOCK_SLACK_MS;
}

/**
 * The part of a limit that holds on a shard which owns `slots` of all: at least one of whatever is limited, so that a small
 * limit does not shut a shard. Null: no limit.
 */
export function shardShare(limit: number | null, slots: number): number | null {
  if (limit === null) return null;
  return limit === 0 ? 0 : Math.max(1, Math.floor((limit * slots) / SLOTS));
}
