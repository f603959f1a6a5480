import type {
  DeliverReply,
  DeliverRequest,
  DeliveryFailure,
  DeliveryReport,
  EventPage,
} from "../../../contract/rpc.ts";
import { afterFailedTry, type DeliveryHealth, FEED_LEASE_MS, HEALTHY } from "../../../domain/feed.ts";
import { type AnyEvent, idOfEvent } from "../../../domain/subscription.ts";
import { METRICS } from "../jobs/metrics.ts";
import { walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { noteDropped } from "./drop.ts";
import type { Feed } from "./feed.ts";
import { EACH_EVENT_ROW, type EventRow, FEEDS } from "./feed-store.ts";
import { fromStored, type StoredEvent } from "./stored-event.ts";
import { frontRows, openFeeds } from "./subscriptions.ts";

/** A page is closed at this many characters: an RPC may carry 32 MiB. */
const PAGE_CHARACTERS = 1024 * 1024;

/**
 * Takes the report of a page, and hands out the next: of the feed that was served longest ago and that no other deliverer
 * has in hand. Nothing here waits for a subscriber. What is reported late or twice removes what is still there, and no more.
 */
export function deliverPage(step: Step, request: DeliverRequest): DeliverReply {
  const feeds = step.get(FEEDS);
  const { report, worker, limit } = request;
  const reported = report === null ? null : feeds.get(report.feed);
  if (report !== null && reported !== null) applyReport(step, reported, { report, worker });
  // The caller takes one page at a time: what it still seems to hold was lost on its way to it.
  feeds.release(worker);
  const [feed, ...others] = limit <= 0 ? [] : openFeeds(step, step.now);
  if (feed === undefined) return { type: "events", page: null, more: false };
  // One event of a feed that fails is enough to see whether it still does.
  const page = pageOf(step, feed, feed.health.failures > 0 ? 1 : limit);
  feeds.lease(feed, worker, step.now + FEED_LEASE_MS);
  step.wakeAt(step.now + FEED_LEASE_MS);
  return { type: "events", page, more: others.length > 0 };
}

/** Rows from the front on that have `limit` events, and no more of the last than that. */
function pageOf(step: Step, feed: Feed, limit: number): EventPage {
  let room = limit;
  let characters = 0;
  let upTo = feed.afterSeq;
  for (const { seq, n, bytes } of frontRows(step, feed, { limit, now: step.now })) {
    if (room <= 0 || (characters > 0 && characters + bytes > PAGE_CHARACTERS)) break;
    upTo = seq;
    room -= n;
    characters += bytes;
  }
  const events: AnyEvent[] = [];
  eachRow(step, { feed, upTo }, (row) => {
    for (const stored of storedIn(row)) events.push(fromStored(stored, row.at));
  });
  return { feed: feed.ref, upTo, leaseMs: FEED_LEASE_MS, subscription: feed.settings, events: events.slice(0, limit) };
}

/** The rows of a feed up to a number, one after the other, but for those that are set aside. */
function eachRow(step: Step, { feed, upTo }: { feed: Feed; upTo: number }, each: (row: EventRow) => void): void {
  const { ref } = feed;
  const rows = step.get(FEEDS).rowsTo(feed, upTo);
  walk(step, EACH_EVENT_ROW, { rows: rows.map((row) => ({ ref, seq: row.seq, row })), each: ({ row }) => each(row) });
}

interface Reported {
  report: DeliveryReport;
  worker: string;
}

/** Delivered events are removed whoever delivered them. Only the deliverer that holds the lease says how the feed fares. */
function applyReport(step: Step, feed: Feed, { report, worker }: Reported): void {
  const { settings } = feed;
  const removed = removeEvents(step, feed, report);
  const { failure } = report;
  const fails = failure !== null && feed.leasedBy?.by === worker && settings.version === report.version;
  if (removed.delivered + removed.refused === 0 && !fails) return;
  const moved = removed.delivered + removed.refused > 0;
  const health = moved ? HEALTHY : feed.health;
  const { givesUp, ...next } = fails ? failedTry(step, health, failure) : { givesUp: false, ...health };
  const given = givesUp ? removeFirst(step, feed) : 0;
  noteDropped(step, feed, { events: removed.refused, reason: "refused" });
  noteDropped(step, feed, { events: given, reason: "failing" });
  const error = fails ? failure : report.refusal;
  step.get(FEEDS).save(feed, {
    health: next,
    delivered: feed.delivered + removed.delivered,
    dropped: feed.dropped + removed.refused + given,
    lastError: error === null ? feed.lastError : { code: error.code, message: error.message, at: step.now },
    lastDeliveredAt: removed.delivered > 0 ? step.now : feed.lastDeliveredAt,
  });
  step.wakeAt(next.nextAt > step.now ? next.nextAt : null);
  const { totals } = step.get(METRICS);
  step.onCommit(() => {
    totals.eventsDelivered += removed.delivered;
    if (fails) totals.eventsFailed += 1;
  });
}

function failedTry(step: Step, health: DeliveryHealth, { retryAfterMs }: DeliveryFailure) {
  return afterFailedTry(health, { now: step.now, retryAfterMs, randomness: step.random() });
}

/** Removes what the report names, as far as it is still there. */
function removeEvents(step: Step, feed: Feed, report: DeliveryReport): { delivered: number; refused: number } {
  const delivered = new Set(report.delivered);
  const refused = new Set(report.refused);
  const count = { delivered: 0, refused: 0 };
  const stays = (stored: StoredEvent) => {
    const id = idOfEvent(fromStored(stored, 0));
    if (delivered.has(id)) count.delivered += 1;
    else if (refused.has(id)) count.refused += 1;
    else return true;
    return false;
  };
  if (delivered.size + refused.size === 0) return count;
  const done: EventRow[] = [];
  eachRow(step, { feed, upTo: report.upTo }, (row) => {
    const left = storedIn(row).filter(stays);
    if (left.length === 0) done.push(row);
    else if (left.length < row.n) leave(step, feed, { row, left });
  });
  step.get(FEEDS).remove(feed, done);
  return count;
}

/** Removes the first event of a feed. Says how many that was. */
function removeFirst(step: Step, feed: Feed): number {
  const feeds = step.get(FEEDS);
  const [first] = frontRows(step, feed, { limit: 1, now: step.now });
  const row = first === undefined ? undefined : feeds.rowsTo(feed, first.seq).find(({ seq }) => seq === first.seq);
  if (row === undefined) return 0;
  const [, ...left] = storedIn(row);
  if (left.length === 0) feeds.remove(feed, [row]);
  else leave(step, feed, { row, left });
  return 1;
}

function leave(step: Step, feed: Feed, { row, left }: { row: EventRow; left: StoredEvent[] }): void {
  step.get(FEEDS).shorten(feed, row, { n: left.length, events: JSON.stringify(left) });
}

function storedIn({ events }: EventRow): StoredEvent[] {
  return JSON.parse(events) as StoredEvent[];
}
