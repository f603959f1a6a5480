import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import type { Turn } from "../turn.ts";
import type { EventSpan, Feed } from "./feed-store.ts";

/** Events that nobody will get: what ends their keeping, and how they are counted. */

/** What the feeds of a shard may hold, in bytes. */
export interface FeedLimits {
  maxFeedBytes: number;
  maxBytes: number;
}

/**
 * A subscriber that takes nothing must not fill the shard, of which 8 GB are for jobs. An event without tags
 * takes about a hundred bytes: a feed holds some six hundred thousand, all of them together eight times as many.
 */
export const FEED_LIMITS: FeedLimits = { maxFeedBytes: 64 * 1024 ** 2, maxBytes: 512 * 1024 ** 2 };

/** Dropping goes on to this much below a limit, so that it is not done anew in every step. */
const SLACK = 0.01;
/** A step stays short. It adds fewer rows than that to a feed. */
const MAX_ROWS_DROPPED = 2_000;

/** Why events were given up. */
export type DropReason = "refused" | "failing" | "old" | "full";

export interface Dropped {
  namespace: string;
  subscription: string;
  events: number;
  reason: DropReason;
}

/** Says that events were given up. That their rows go, and that the feed counts them, is the caller's. */
export function noteDropped(turn: Turn, { settings }: Feed, events: number, reason: DropReason): void {
  if (events === 0) return;
  turn.dropped.push({ namespace: settings.namespace, subscription: settings.name, events, reason });
  turn.onCommit(() => {
    turn.stores.metrics.totals.eventsDropped += events;
  });
}

/**
 * Some feeds have grown. What is too much goes, the oldest first: of a feed that is over its own limit, and where all of
 * them together are too much, of the longest, so that one slow subscriber costs the others nothing.
 */
export function dropExcess(turn: Turn, grown: Feed[]): void {
  const { feeds, feedLimits } = turn.stores;
  for (const feed of grown) {
    const over = feed.waiting.bytes - feedLimits.maxFeedBytes;
    if (over > 0) dropFront(turn, feed, over + feedLimits.maxFeedBytes * SLACK);
  }
  const total = feeds.all().reduce((sum, { waiting }) => sum + waiting.bytes, 0);
  if (total <= feedLimits.maxBytes) return;
  const [longest] = feeds.all().sort((a, b) => b.waiting.bytes - a.waiting.bytes);
  if (longest !== undefined) dropFront(turn, longest, total - feedLimits.maxBytes * (1 - SLACK));
}

/** Drops the oldest rows of a feed that have `bytes` together, or as many as one step may: the next that grows goes on. */
function dropFront(turn: Turn, feed: Feed, bytes: number): void {
  const rows: EventSpan[] = [];
  let freed = 0;
  for (const row of turn.stores.feeds.front(feed, MAX_ROWS_DROPPED)) {
    if (freed >= bytes) break;
    rows.push(row);
    freed += row.bytes;
  }
  dropRows(turn, feed, rows, "full");
}

/** Drops what is older than events are kept, and what deleted subscriptions left, some rows of each. True when more is left. */
export function sweepEvents(turn: Turn, limit: number): boolean {
  const { feeds } = turn.stores;
  let more = feeds.sweepDead(limit);
  const cutoff = turn.now - KEEP_EVENTS_MS;
  for (const feed of feeds.withEvents()) {
    if ((feed.waiting.oldestAt ?? turn.now) > cutoff) continue;
    const old = feeds.front(feed, limit).filter(({ at }) => at <= cutoff);
    dropRows(turn, feed, old, "old");
    if (old.length === limit) more = true;
  }
  return more;
}

function dropRows(turn: Turn, feed: Feed, rows: EventSpan[], reason: DropReason): void {
  const events = rows.reduce((sum, { n }) => sum + n, 0);
  if (events === 0) return;
  turn.stores.feeds.remove(feed, rows);
  turn.stores.feeds.save(feed, { ...feed, dropped: feed.dropped + events });
  noteDropped(turn, feed, events, reason);
}
