/** Subscriptions on a shard, and the way of their events to the processor. */
import type { AnyEvent, SubscriptionSettings } from "../../domain/subscription.ts";
import type { ShardCall } from "./call.ts";

/** Tells a shard of subscriptions, deleted ones too. Of two settings of a name it keeps those of the higher version. */
export interface ConfigureSubscriptionsRequest extends ShardCall {
  subscriptions: SubscriptionSettings[];
}

/** Asks how subscriptions are, by their names. */
export interface SubscriptionStatesRequest extends ShardCall {
  namespace: string;
  names: string[];
}

/** Why a delivery failed, and when (`at`, epoch ms). */
export interface DeliveryError {
  code: string;
  message: string;
  at: number;
}

/**
 * What one shard has delivered of a subscription's events, and has yet to deliver. A shard answers for each name that
 * it knows. Times are in epoch milliseconds.
 */
export interface SubscriptionState {
  name: string;
  delivered: number;
  /** Events that were given up: refused by the receiver, failed for too long, too old, or too many. */
  dropped: number;
  pending: number;
  oldestPendingAt: number | null;
  /** Tries that failed since the last that did not. */
  failures: number;
  lastError: DeliveryError | null;
  lastDeliveredAt: number | null;
}

/** Why a page was not delivered to its end. */
export interface DeliveryFailure {
  code: string;
  message: string;
  /** How long the receiver wants to be left alone, in milliseconds; null when it does not say. */
  retryAfterMs: number | null;
}

/** What came of a page. The lists are of ids of events; events in no list remain as they are. */
export interface DeliveryReport {
  feed: number;
  upTo: number;
  /** The version of the settings that the page came with. */
  version: number;
  delivered: string[];
  /** Events that the receiver wants never again. What it said last of them is `refusal`. */
  refused: string[];
  refusal: DeliveryFailure | null;
  /** Why the page was not delivered to its end; null when it was. */
  failure: DeliveryFailure | null;
}

/**
 * A deliverer reports the page it had, if any, and takes the next one: of any feed of the shard. Whoever calls has
 * nothing in hand any more, so a page whose answer was lost is handed out again.
 */
export interface DeliverRequest extends ShardCall {
  /** The name of the caller, who takes one page at a time. */
  worker: string;
  report: DeliveryReport | null;
  /** How many events the next page may have. 0 says that the caller leaves. */
  limit: number;
}

/** Events of one feed from its front on, leased for `leaseMs` from the call on. */
export interface EventPage {
  feed: number;
  /** How far into the feed the page goes, for its report. */
  upTo: number;
  leaseMs: number;
  subscription: SubscriptionSettings;
  events: AnyEvent[];
}

/** The next page, and whether another feed waits to be taken. */
export interface DeliverReply {
  type: "events";
  page: EventPage | null;
  more: boolean;
}
