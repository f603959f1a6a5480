import type { SubscriptionState, SubscriptionStatesRequest } from "../../../contract/rpc.ts";
import { KEEP_EVENTS_MS, opensAt } from "../../../domain/feed.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import type { Stores, Turn } from "../turn.ts";
import type { Feed } from "./feed-store.ts";

/** Takes what the gateway says of subscriptions: what is newer than what is known. Jobs that change from then on are told of. */
export function configureSubscriptions(turn: Turn, subscriptions: SubscriptionSettings[]): void {
  const { feeds, meta } = turn.stores;
  for (const settings of subscriptions) {
    const known = feeds.find(settings.namespace, settings.name);
    if (known !== null && known.settings.version >= settings.version) continue;
    const afterSeq = known === null || goesOn(known, settings) ? (known?.afterSeq ?? 0) : meta.sequence(turn.now);
    feeds.put(settings, known, afterSeq);
    if (afterSeq !== (known?.afterSeq ?? 0)) turn.wake(turn.now);
  }
}

/** Whether it is the same subscription still: one that was deleted, and perhaps made anew, gets none of the old events. */
function goesOn({ settings: before }: Feed, after: SubscriptionSettings): boolean {
  return !before.deleted && !after.deleted && before.createdAt === after.createdAt;
}

/** How the delivery goes, of those of the named subscriptions that are known here. */
export function subscriptionStates({ feeds }: Stores, request: SubscriptionStatesRequest): SubscriptionState[] {
  return request.names.flatMap((name) => {
    const feed = feeds.find(request.namespace, name);
    if (feed === null || feed.settings.deleted) return [];
    const { delivered, dropped, waiting, fortune, lastError, lastDeliveredAt } = feed;
    return [
      {
        name,
        delivered,
        dropped,
        pending: waiting.events,
        oldestPendingAt: waiting.oldestAt,
        failures: fortune.failures,
        lastError,
        lastDeliveredAt,
      },
    ];
  });
}

/** When a feed may be taken next: null when it has no events or is paused. */
export function nextOpening({ settings, waiting, fortune, held }: Feed, now: number): number | null {
  if (settings.deleted || settings.paused || waiting.events === 0) return null;
  return opensAt({ nextAt: fortune.nextAt, leaseEndsAt: held?.until ?? 0 }, now);
}

/** When the clock next has to look at a feed: one opens, or its oldest event has been kept for long enough. Null: never. */
export function nextFeedAt({ feeds }: Stores, now: number): number | null {
  const times = feeds.withEvents().flatMap((feed) => {
    const opens = nextOpening(feed, now);
    const oldAt = (feed.waiting.oldestAt ?? now) + KEEP_EVENTS_MS;
    return opens === null || opens <= now ? [oldAt] : [opens, oldAt];
  });
  if (feeds.all().some(({ dead }) => dead)) times.push(now);
  return times.length === 0 ? null : Math.min(...times);
}

/** Feeds that a deliverer could take now, those first that were served longest ago. */
export function openFeeds({ feeds }: Stores, now: number): Feed[] {
  if (!feeds.any) return [];
  return feeds.withEvents().filter((feed) => (nextOpening(feed, now) ?? Number.POSITIVE_INFINITY) <= now);
}
