import type { DeliveryError } from "../../../contract/rpc.ts";
import { type DeliveryHealth, HEALTHY } from "../../../domain/feed.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import type { SqlRow } from "../../sql.ts";

/** What a subscription has yet to be told. */
export interface Undelivered {
  readonly events: number;
  readonly bytes: number;
  /** When the oldest happened, epoch milliseconds; null when there are none. */
  readonly oldestAt: number | null;
}

/** How the delivery to a subscription went so far. */
export interface Delivery {
  readonly health: DeliveryHealth;
  /** How many events. */
  readonly delivered: number;
  /** Events that were given up. */
  readonly dropped: number;
  readonly lastError: DeliveryError | null;
  /** Epoch milliseconds. */
  readonly lastDeliveredAt: number | null;
}

/**
 * A subscription as the shard knew it when it was asked for; after a change there is another object. `ref` is what its
 * events carry.
 */
export interface Feed extends Delivery {
  readonly ref: number;
  readonly settings: SubscriptionSettings;
  /** No event up to this number of the sequence is this subscription's any more: those are to be swept. */
  readonly afterSeq: number;
  /** There may be such events. */
  readonly dead: boolean;
  readonly undelivered: Undelivered;
  /**
   * Who has a page of it in hand, and until when (epoch milliseconds). It is kept in memory alone: two deliverers at once
   * repeat events, and reorder none.
   */
  readonly leasedBy: { readonly by: string; readonly until: number } | null;
}

export interface FeedRow extends SqlRow {
  ref: number;
  settings: string;
  after_seq: number;
  failures: number;
  failing_since: number | null;
  next_at: number;
  delivered: number;
  dropped: number;
  last_error: string | null;
  last_delivered_at: number | null;
}

/** Of a subscription that is new here. */
export const NEW: Delivery = { health: HEALTHY, delivered: 0, dropped: 0, lastError: null, lastDeliveredAt: null };
export const NOTHING: Undelivered = { events: 0, bytes: 0, oldestAt: null };

/** The subscription as its row has it. What is undelivered its events say. */
export function toFeed(row: FeedRow): Feed {
  return {
    ref: row.ref,
    settings: JSON.parse(row.settings) as SubscriptionSettings,
    health: { failures: row.failures, failingSince: row.failing_since, nextAt: row.next_at },
    delivered: row.delivered,
    dropped: row.dropped,
    lastError: row.last_error === null ? null : (JSON.parse(row.last_error) as DeliveryError),
    lastDeliveredAt: row.last_delivered_at,
    afterSeq: row.after_seq,
    // The first sweep knows.
    dead: row.after_seq > 0,
    undelivered: NOTHING,
    leasedBy: null,
  };
}
