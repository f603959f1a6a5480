import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import { METRICS } from "../jobs/metrics.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import type { Feed } from "./feed.ts";
import { type EventSpan, FEEDS } from "./feed-store.ts";

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

export const FEED_LIMITS_PART = new Part("feed limits", (): FeedLimits => FEED_LIMITS);

/** Dropping goes on to this much below a limit, so that it is not done anew in every step. */
const SLACK = 0.01;
/** A step stays short. It adds fewer rows than that to a feed. */
const MAX_ROWS_DROPPED = 2_000;

/** Why events were given up. */
export type DropReason = "refused" | "failing" | "old" | "full";

export interface Dropped {
  /** How many. */
  events: number;
  reason: DropReason;
}

/** Says, when the step has committed, that events were given up. That their rows go, and that the feed counts them, is the caller's. */
export function noteDropped(step: Step, { settings }: Feed, { events, reason }: Dropped): void {
  if (events === 0) return;
  const { totals } = step.get(METRICS);
  const { namespace, name: subscription } = settings;
  step.onCommit(() => {
    totals.eventsDropped += events;
    console.warn(JSON.stringify({ at: "shard.events-dropped", namespace, subscription, events, reason }));
  });
}

/**
 * The feeds of these refs have grown. What is too much goes, the oldest first: of a feed that is over its own limit, and
 * where all of them together are too much, of the longest, so that one slow subscriber costs the others nothing.
 */
export function dropExcess(step: Step, grown: readonly number[]): void {
  const feeds = step.get(FEEDS);
  const { maxFeedBytes, maxBytes } = step.get(FEED_LIMITS_PART);
  for (const ref of grown) {
    const feed = feeds.get(ref);
    if (feed === null || feed.undelivered.bytes <= maxFeedBytes) continue;
    dropFront(step, feed, feed.undelivered.bytes - maxFeedBytes + maxFeedBytes * SLACK);
  }
  const total = feeds.total.bytes;
  if (total <= maxBytes) return;
  const [longest] = feeds.all().sort((a, b) => b.undelivered.bytes - a.undelivered.bytes);
  if (longest !== undefined) dropFront(step, longest, total - maxBytes * (1 - SLACK));
}

/** Drops the oldest rows of a feed that have `bytes` together, or as many as one step may: the next that grows goes on. */
function dropFront(step: Step, feed: Feed, bytes: number): void {
  const rows: EventSpan[] = [];
  let freed = 0;
  for (const row of step.get(FEEDS).front(feed, MAX_ROWS_DROPPED)) {
    if (freed >= bytes) break;
    rows.push(row);
    freed += row.bytes;
  }
  dropRows(step, feed, { rows, reason: "full" });
}

/** Drops what is older than events are kept, and what deleted subscriptions left, some rows of each. True when more is left. */
export function sweepEvents(step: Step, limit: number): boolean {
  const feeds = step.get(FEEDS);
  let more = feeds.sweepDead(limit);
  const cutoff = step.now - KEEP_EVENTS_MS;
  for (const feed of feeds.withEvents()) {
    if ((feed.undelivered.oldestAt ?? step.now) > cutoff) continue;
    const old = feeds.front(feed, limit).filter(({ at }) => at <= cutoff);
    dropRows(step, feed, { rows: old, reason: "old" });
    if (old.length === limit) more = true;
  }
  return more;
}

function dropRows(step: Step, feed: Feed, { rows, reason }: { rows: EventSpan[]; reason: DropReason }): void {
  const events = rows.reduce((sum, { n }) => sum + n, 0);
  if (events === 0) return;
  const feeds = step.get(FEEDS);
  feeds.remove(feed, rows);
  feeds.save(feed, { ...feed, dropped: feed.dropped + events });
  noteDropped(step, feed, { events, reason });
}
