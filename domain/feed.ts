import type { RetryPolicy } from "./job/job.ts";
import { backoffMs } from "./retry.ts";

/**
 * A feed is what one shard has yet to tell one subscription: events in the order in which they happened. It is delivered
 * from the front, and nothing is skipped: an event that cannot be delivered holds those behind it, for a bounded time.
 */

const HOUR_MS = 3_600_000;

/**
 * For how many ms whoever takes a page of a feed has the feed to itself. Who takes longer may find that another has
 * delivered the same events.
 */
export const FEED_LEASE_MS = 30_000;
/** An event that has been failing for so many ms is given up, and the feed goes on with the next. */
export const GIVE_UP_MS = 3 * 24 * HOUR_MS;
/** Events older than so many ms are dropped, delivered or not. */
export const KEEP_EVENTS_MS = 7 * 24 * HOUR_MS;
/** The longest that a feed may wait for its next try: as far as a `Retry-After` is believed. */
const MAX_WAIT_MS = 24 * HOUR_MS;
const MIN_WAIT_MS = 1_000;

const BACKOFF: Pick<RetryPolicy, "backoff" | "delayMs" | "maxDelayMs" | "jitter"> = {
  backoff: "exponential",
  delayMs: 5_000,
  maxDelayMs: HOUR_MS,
  jitter: "full",
};

/** How the deliveries of a feed have gone of late. Times are epoch ms. */
export interface DeliveryHealth {
  /** Failed tries in a row. */
  failures: number;
  /** Since when the first event of the feed has been failing; null when it has not. */
  failingSince: number | null;
  /** No delivery is tried before this moment. */
  nextAt: number;
}

/** How a feed fares whose last try succeeded, or that has had none. */
export const HEALTHY: DeliveryHealth = { failures: 0, failingSince: null, nextAt: 0 };

/**
 * How a feed fares after one more failed try at `now`. It waits for an exponential backoff with full jitter
 * (`backoffMs`; `randomness` is uniform in [0, 1)) of up to an hour, and never less than the receiver asks for, which
 * is believed up to a day. `givesUp` says that the event at its front has been failing for `GIVE_UP_MS` and is to be
 * dropped.
 */
export function afterFailedTry(
  before: DeliveryHealth,
  { now, retryAfterMs, randomness }: { now: number; retryAfterMs: number | null; randomness: number },
): DeliveryHealth & { givesUp: boolean } {
  const failures = before.failures + 1;
  const backoff = backoffMs({ ...BACKOFF, maxAttempts: 1 }, failures, randomness);
  const wait = Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, backoff, retryAfterMs ?? 0));
  // A clock that has stepped back must not make an event fail for longer than it does.
  const failingSince = Math.min(before.failingSince ?? now, now);
  const givesUp = now - failingSince >= GIVE_UP_MS;
  return { failures, failingSince: givesUp ? null : failingSince, nextAt: now + wait, givesUp };
}

/**
 * From when on a feed with events may be taken, in epoch ms. A time that lies further ahead than anything could have
 * set it was written by a clock that has stepped back since, and holds nothing up.
 */
export function opensAt({ nextAt, leaseEndsAt }: { nextAt: number; leaseEndsAt: number }, now: number): number {
  return Math.max(nextAt > now + MAX_WAIT_MS ? 0 : nextAt, leaseEndsAt > now + FEED_LEASE_MS ? 0 : leaseEndsAt);
}
