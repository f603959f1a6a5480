import type { Doorbell } from "../../contract/doorbell.ts";
import type { Sql } from "../sql.ts";
import type { ShardLimits } from "./capacity.ts";
import type { FeedLimits } from "./subscriptions/drop.ts";

/**
 * Everything a shard touches outside itself. The Durable Object gives the real ones, the simulation its own:
 * time and chance come in here and nowhere else.
 */
export interface ShardPorts {
  sql: Sql;
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Makes the object wake at `at` (epoch ms), replacing any earlier request. Durable with the writes around it. */
  setAlarm(at: number): void;
  /** Sends a doorbell. A hint: it may fail or be lost, and never throws. */
  ring(bell: Doorbell, delaySeconds: number): void;
  /** What the shard may hold; `SHARD_LIMITS` when left out. */
  limits?: ShardLimits;
  /** What the events of its subscriptions may take; `FEED_LIMITS` when left out. */
  feedLimits?: FeedLimits;
}
