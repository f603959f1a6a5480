/** Subscriptions on a shard, and the way of their events to the processor. */
import type { LifecycleEvent, SubscriptionSettings } from "../../domain/subscription.ts";
import type { ShardCall } from "./call.ts";

/** Deleted ones too: of two settings of a name the higher version is the newer. */
export interface ConfigureSubscriptionsRequest extends ShardCall {
  subscriptions: SubscriptionSettings[];
}

export interface SubscriptionStatesRequest extends ShardCall {
  namespace: string;
  names: string[];
}

/** Why a delivery failed. `at` is epoch ms. */
export interface DeliveryError {
  code: string;
  message: string;
  at: number;
}

/** What one shard has delivered of a subscription's events, and has yet to deliver. One for each name that it knows. */
export interface SubscriptionState {
  name: string;
  delivered: number;
  /** Given up: refused by the receiver, failed for too long, too old, or too many. */
  dropped: number;
  pending: number;
  oldestPendingAt: number | null;
  /** In a row. */
  failures: number;
  lastError: DeliveryError | null;
  lastDeliveredAt: number | null;
}

/** Why a page was not delivered to its end. */
export interface DeliveryFailure {
  code: string;
  message: string;
  /** The receiver's own wish. */
  retryAfterMs: number | null;
}

/** What came of a page. Named are ids of events; those that are not named remain as they are. */
export interface DeliveryReport {
  feed: number;
  upTo: number;
  /** The version of the settings that the page came with. */
  version: number;
  delivered: string[];
  /** Those that the receiver wants never again, and what it said last. */
  refused: string[];
  refusal: DeliveryFailure | null;
  failure: DeliveryFailure | null;
}

/**
 * A deliverer reports the page it had, if any, and takes the next one: of any feed of the shard. Whoever calls has
 * nothing in hand any more, so a page whose answer was lost is handed out again.
 */
export interface DeliverRequest extends ShardCall {
  /** Names the caller: one that takes one page at a time. */
  worker: string;
  report: DeliveryReport | null;
  /** Most events of the next page. 0: the caller leaves. */
  limit: number;
}

/** Events of one feed from its front on, held for `leaseMs` from the call on. */
export interface EventPage {
  feed: number;
  /** How far into the feed the page goes: for its report. */
  upTo: number;
  leaseMs: number;
  subscription: SubscriptionSettings;
  events: LifecycleEvent[];
}

/** `more`: another feed waits to be taken. */
export interface DeliverReply {
  type: "events";
  page: EventPage | null;
  more: boolean;
}
