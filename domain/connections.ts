/**
 * How much of a lane's outgoing connections one namespace, and one target host, may have at once. A request that hangs cannot
 * be taken back, so the rest is kept free also while nobody else waits (a bulkhead; Nygard, Release It!, 2007).
 */

import { MAX_EXECUTORS } from "./bell.ts";
import type { Lane } from "./queue.ts";

/** What a lane can have in all: `consumers` executors at once, each with `size` outgoing connections. */
export interface LaneConnections {
  size: number;
  consumers: number;
}

/** The parts, above 0 and at most 1, that one namespace and one target host may have. 1 is no limit. */
export interface ConnectionShares {
  namespace: number;
  host: number;
}

export const CONNECTION_SHARES: ConnectionShares = { namespace: 7 / 8, host: 3 / 4 };

/**
 * The connections of a lane that one of `shards` shards counts as its own: what its bells can bring, and never more than an
 * even part of what the lane has, so that the parts of all shards fit into the lane. At least 1.
 */
export function shardConnections(lane: Lane, { size, consumers }: LaneConnections, shards: number): number {
  const ofBells = MAX_EXECUTORS[lane] * size;
  const ofLane = Math.floor((consumers * size) / Math.max(1, shards));
  return Math.max(1, Math.min(ofBells, ofLane));
}

/** How many of `connections` a share of them is: whole, at least 1, and without end where the share is no limit. */
export function mostOf(share: number, connections: number): number {
  return share >= 1 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(share * connections));
}

/** A share as a variable has it, such as `0.75`. Throws when it is not above 0 and at most 1. */
export function parseShare(name: string, text: string): number {
  const share = text.trim() === "" ? Number.NaN : Number(text);
  if (share > 0 && share <= 1) return share;
  throw new Error(`${name} must be a number above 0 and at most 1, such as 0.75, not "${text}"`);
}
