import type {
  ConfigureSubscriptionsRequest,
  SubscriptionState,
  SubscriptionStatesRequest,
} from "../../../contract/rpc.ts";
import { KEEP_EVENTS_MS, opensAt } from "../../../domain/feed.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { Feed } from "./feed.ts";
import { ANY_SUBSCRIPTION, EACH_EVENT_ROW, EACH_FEED, type EventSpan, FEEDS } from "./feed-store.ts";

/** Takes what the gateway says of subscriptions: what is newer than what is known. Jobs that change from then on are told of. */
export function configureSubscriptions(step: Step, { subscriptions }: ConfigureSubscriptionsRequest): null {
  const feeds = step.get(FEEDS);
  const presence = step.get(ANY_SUBSCRIPTION);
  for (const settings of subscriptions) {
    if (step.get(NAMESPACES).isGone(settings.namespace)) continue;
    const known = feeds.find(settings.namespace, settings.name);
    if (known !== null && known.settings.version >= settings.version) continue;
    const before = known?.afterSeq ?? 0;
    const afterSeq = known === null || goesOn(known, settings) ? before : step.get(SEQUENCE).next(step.now);
    feeds.put(settings, known, afterSeq);
    if (known !== null) step.get(QUARANTINE).releaseWith(step, { kind: EACH_FEED.kind, key: EACH_FEED.keyOf(known) });
    if (settings.deleted) presence.recheck(step);
    else presence.raise();
    if (afterSeq !== before) step.wakeAt(step.now);
  }
  return null;
}

/** Whether it is the same subscription still: one that was deleted, and perhaps made anew, gets none of the old events. */
function goesOn({ settings: before }: Feed, after: SubscriptionSettings): boolean {
  // Of one that could not be read nobody knows: it is told rather too much than too little.
  if (before.version === 0) return !after.deleted;
  return !before.deleted && !after.deleted && before.createdAt === after.createdAt;
}

/** How the delivery goes, of those of the named subscriptions that are known here. */
export function subscriptionStates(parts: Parts, request: SubscriptionStatesRequest): SubscriptionState[] {
  const feeds = parts.get(FEEDS);
  return request.names.flatMap((name) => {
    const feed = feeds.find(request.namespace, name);
    if (feed === null || feed.settings.deleted) return [];
    const { delivered, dropped, undelivered, health, lastError, lastDeliveredAt } = feed;
    return [
      {
        name,
        delivered,
        dropped,
        pending: undelivered.events,
        oldestPendingAt: undelivered.oldestAt,
        failures: health.failures,
        lastError,
        lastDeliveredAt,
      },
    ];
  });
}

/** When a feed may be taken next, epoch milliseconds: null when it has no events, is paused or was deleted. */
export function nextOpening({ settings, undelivered, health, leasedBy }: Feed, now: number): number | null {
  if (settings.deleted || settings.paused || undelivered.events === 0) return null;
  return opensAt({ nextAt: health.nextAt, leaseEndsAt: leasedBy?.until ?? 0 }, now);
}

/** When the clock next has to look at a feed: one opens, or its oldest event has been kept for long enough. Null: never. */
export function nextFeedAt(parts: Parts, now: number): number | null {
  const feeds = parts.get(FEEDS);
  const times = feeds.withEvents().flatMap((feed) => {
    const opens = nextOpening(feed, now);
    const oldAt = (feed.undelivered.oldestAt ?? now) + KEEP_EVENTS_MS;
    return opens === null || opens <= now ? [oldAt] : [opens, oldAt];
  });
  if (feeds.all().some(({ dead }) => dead)) times.push(now);
  const retryAt = parts.get(QUARANTINE).retryAt(EACH_EVENT_ROW.kind, now);
  if (Number.isFinite(retryAt)) times.push(retryAt);
  return times.length === 0 ? null : Math.min(...times);
}

/** Feeds that a deliverer could take now, those first that were served longest ago. */
export function openFeeds(parts: Parts, now: number): Feed[] {
  if (!parts.get(ANY_SUBSCRIPTION).any) return [];
  // Only where rows are set aside the rows have to be asked whether there are others.
  const isAside = parts.get(QUARANTINE).count(EACH_EVENT_ROW.kind, now) > 0;
  return parts
    .get(FEEDS)
    .withEvents()
    .filter((feed) => (nextOpening(feed, now) ?? Number.POSITIVE_INFINITY) <= now)
    .filter((feed) => !isAside || frontRows(parts, feed, { limit: 1, now }).length > 0);
}

/** The first rows of a feed that are not set aside, at most `limit`. */
export function frontRows(parts: Parts, feed: Feed, { limit, now }: { limit: number; now: number }): EventSpan[] {
  const quarantine = parts.get(QUARANTINE);
  const passedOver = quarantine.count(EACH_EVENT_ROW.kind, now);
  const isPassedOver = ({ seq }: EventSpan) =>
    quarantine.holds(EACH_EVENT_ROW.kind, EACH_EVENT_ROW.keyOf({ ref: feed.ref, seq }), now);
  const rows = parts.get(FEEDS).front(feed, limit + passedOver);
  return passedOver === 0 ? rows : rows.filter((row) => !isPassedOver(row)).slice(0, limit);
}
