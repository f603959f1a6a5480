import type {
  DeliverReply,
  DeliverRequest,
  DeliveryFailure,
  DeliveryReport,
  EventPage,
} from "../../../contract/rpc.ts";
import { afterFailedTry, FEED_LEASE_MS, type Fortune, WELL } from "../../../domain/feed.ts";
import { eventId } from "../../../domain/subscription.ts";
import type { Stores, Turn } from "../turn.ts";
import { noteDropped } from "./drop.ts";
import type { EventRow, Feed } from "./feed-store.ts";
import { fromStored, type StoredEvent } from "./stored-event.ts";
import { openFeeds } from "./subscriptions.ts";

/** A page is closed at this many characters: an RPC may carry 32 MiB. */
const PAGE_CHARACTERS = 1024 * 1024;

/**
 * Takes the report of a page, and hands out the next: of the feed that was served longest ago and that no other deliverer
 * has in hand. Nothing here waits for a subscriber. What is reported late or twice removes what is still there, and no more.
 */
export function deliver(turn: Turn, request: DeliverRequest): DeliverReply {
  const { feeds } = turn.stores;
  const { report, worker, limit } = request;
  const reported = report === null ? null : feeds.get(report.feed);
  if (report !== null && reported !== null) settle(turn, reported, { report, worker });
  // The caller takes one page at a time: what it still seems to hold was lost on its way to it.
  for (const feed of feeds.all()) if (feed.held?.by === worker) feed.held = null;
  const [feed, ...others] = limit <= 0 ? [] : openFeeds(turn.stores, turn.now);
  if (feed === undefined) return { type: "events", page: null, more: false };
  // One event of a feed that fails is enough to see whether it still does.
  const page = pageOf(turn.stores, feed, feed.fortune.failures > 0 ? 1 : limit);
  feeds.hold(feed, worker, turn.now + FEED_LEASE_MS);
  turn.wake(turn.now + FEED_LEASE_MS);
  return { type: "events", page, more: others.length > 0 };
}

/** Rows from the front on that have `limit` events, and no more of the last than that. */
function pageOf({ feeds }: Stores, feed: Feed, limit: number): EventPage {
  let room = limit;
  let characters = 0;
  let upTo = feed.afterSeq;
  for (const { seq, n, bytes } of feeds.front(feed, limit)) {
    if (room <= 0 || (characters > 0 && characters + bytes > PAGE_CHARACTERS)) break;
    upTo = seq;
    room -= n;
    characters += bytes;
  }
  const events = feeds.rowsTo(feed, upTo).flatMap((row) => storedIn(row).map((stored) => fromStored(stored, row.at)));
  return { feed: feed.ref, upTo, leaseMs: FEED_LEASE_MS, subscription: feed.settings, events: events.slice(0, limit) };
}

interface Reported {
  report: DeliveryReport;
  worker: string;
}

/** What is delivered goes, whoever delivered it. How the feed fares is for the one to say who holds it. */
function settle(turn: Turn, feed: Feed, { report, worker }: Reported): void {
  const { settings } = feed;
  const removed = removeEvents(turn, feed, report);
  const { failure } = report;
  const fails = failure !== null && feed.held?.by === worker && settings.version === report.version;
  if (removed.delivered + removed.refused === 0 && !fails) return;
  const moved = removed.delivered + removed.refused > 0;
  const fortune = moved ? WELL : feed.fortune;
  const { givesUp, ...next } = fails ? failedTry(turn, fortune, failure) : { givesUp: false, ...fortune };
  const given = givesUp ? removeFirst(turn, feed) : 0;
  noteDropped(turn, feed, removed.refused, "refused");
  noteDropped(turn, feed, given, "failing");
  const said = fails ? failure : report.refusal;
  turn.stores.feeds.save(feed, {
    fortune: next,
    delivered: feed.delivered + removed.delivered,
    dropped: feed.dropped + removed.refused + given,
    lastError: said === null ? feed.lastError : { code: said.code, message: said.message, at: turn.now },
    lastDeliveredAt: removed.delivered > 0 ? turn.now : feed.lastDeliveredAt,
  });
  turn.wake(next.nextAt > turn.now ? next.nextAt : null);
  turn.onCommit(() => {
    turn.stores.metrics.totals.eventsDelivered += removed.delivered;
    if (fails) turn.stores.metrics.totals.eventsFailed += 1;
  });
}

function failedTry(turn: Turn, fortune: Fortune, { retryAfterMs }: DeliveryFailure) {
  return afterFailedTry(fortune, { now: turn.now, retryAfterMs, chance: turn.random() });
}

/** Removes what the report names, as far as it is still there. */
function removeEvents(turn: Turn, feed: Feed, report: DeliveryReport): { delivered: number; refused: number } {
  const delivered = new Set(report.delivered);
  const refused = new Set(report.refused);
  const count = { delivered: 0, refused: 0 };
  const stays = (stored: StoredEvent) => {
    const id = eventId(fromStored(stored, 0).job);
    if (delivered.has(id)) count.delivered += 1;
    else if (refused.has(id)) count.refused += 1;
    else return true;
    return false;
  };
  if (delivered.size + refused.size === 0) return count;
  const done: EventRow[] = [];
  for (const row of turn.stores.feeds.rowsTo(feed, report.upTo)) {
    const left = storedIn(row).filter(stays);
    if (left.length === 0) done.push(row);
    else if (left.length < row.n) leave(turn, feed, { row, left });
  }
  turn.stores.feeds.remove(feed, done);
  return count;
}

/** Removes the first event of a feed. Says how many that was. */
function removeFirst(turn: Turn, feed: Feed): number {
  const { feeds } = turn.stores;
  const [first] = feeds.front(feed, 1);
  const [row] = first === undefined ? [] : feeds.rowsTo(feed, first.seq);
  if (row === undefined) return 0;
  const [, ...left] = storedIn(row);
  if (left.length === 0) feeds.remove(feed, [row]);
  else leave(turn, feed, { row, left });
  return 1;
}

function leave(turn: Turn, feed: Feed, { row, left }: { row: EventRow; left: StoredEvent[] }): void {
  turn.stores.feeds.shorten(feed, row, { n: left.length, events: JSON.stringify(left) });
}

function storedIn({ events }: EventRow): StoredEvent[] {
  return JSON.parse(events) as StoredEvent[];
}
