/** What gateways and the object that keeps a namespace's rate limits say to each other. Times are durations, so that no clock is compared. */
import type { Quota } from "../../domain/gcra.ts";

/** Which budget stands in the way. */
export type LimitedBy = "key" | "namespace";

/** Asks for a chunk of a key's budget, which is a chunk of its namespace's too. */
export interface LeaseRequest {
  v: number;
  /** The id of the key. */
  key: string;
  quota: Quota;
  /** The budget of all keys of the namespace together. Null: no limit. */
  namespaceQuota: Quota | null;
  /** Whole units without which a call cannot go on; 0 where none waits. */
  needed: number;
  /** Units a second that the gateway's isolate spends: the chunk is sized by it. */
  rate: number;
  /** Units that the gateway has let through without having been granted them, since it asked last. They are charged. */
  owed: number;
}

export interface LeaseReply {
  /** Whole units; 0 where fewer than were needed are there. */
  granted: number;
  /** What stands in the way of more; null where as much was granted as is best. */
  limitedBy: LimitedBy | null;
  /** Milliseconds before which it is no use to ask again: once what was granted is spent, calls are refused until then. */
  pauseMs: number;
  /**
   * Units left of the key's budget, and of its namespace's where that has one, once this chunk is taken; below zero for debts. Parts
   * of a unit count: a gateway that did not know them would tell callers of the next unit later than it comes.
   */
  left: { key: number; namespace: number | null };
}

/** The `RateLimiter`'s RPC surface: one object a namespace, and one for the root keys. */
export interface RateLimiterApi {
  lease(request: LeaseRequest): Promise<LeaseReply>;
  /** Forgets what was spent: the namespace is gone. */
  forget(request: { v: number }): Promise<null>;
}
