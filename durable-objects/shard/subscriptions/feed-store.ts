import type { DeliveryError } from "../../../contract/rpc.ts";
import { type Fortune, WELL } from "../../../domain/feed.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { TOLD_COLUMNS, type ToldHead } from "./stored-event.ts";

/** What a subscription has yet to be told. */
export interface Waiting {
  events: number;
  bytes: number;
  /** Epoch ms; null when there are none. */
  oldestAt: number | null;
}

/** How the delivery to a subscription went so far. */
export interface Delivery {
  fortune: Fortune;
  delivered: number;
  /** Events that were given up. */
  dropped: number;
  lastError: DeliveryError | null;
  lastDeliveredAt: number | null;
}

/** A subscription as this shard knows it. `ref` is what its events carry. */
export interface Feed extends Delivery {
  ref: number;
  settings: SubscriptionSettings;
  /** Events up to there are none of this subscription's any more: they are to be swept. */
  afterSeq: number;
  /** There may be such events. */
  dead: boolean;
  waiting: Waiting;
  /** Who has a page of it in hand, and until when. In memory alone: two deliverers at once repeat events, and reorder none. */
  held: { by: string; until: number } | null;
}

interface FeedRow extends SqlRow {
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

export interface EventRow extends SqlRow {
  seq: number;
  at: number;
  n: number;
  bytes: number;
  /** JSON array of `StoredEvent`. */
  events: string;
}

/** A row without its text. */
export type EventSpan = Pick<EventRow, "seq" | "at" | "n" | "bytes">;

const NEW: Delivery = { fortune: WELL, delivered: 0, dropped: 0, lastError: null, lastDeliveredAt: null };
const NOTHING: Waiting = { events: 0, bytes: 0, oldestAt: null };
const COLUMNS = `ref, settings, after_seq, failures, failing_since, next_at, delivered, dropped, last_error, last_delivered_at`;

/**
 * The subscriptions a shard was told of, and every statement on them and their events. Every write goes to SQLite and to
 * the copy in memory; `reload` brings the copy back to the rows after a step that was rolled back.
 */
export class FeedStore {
  readonly #sql: Sql;
  #feeds = new Map<number, Feed>();
  /** Memory is ahead of what is committed. */
  #dirty = false;
  /** Whether any subscription is there to be told: most shards have none, and nothing else is looked at then. */
  any = false;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#read();
  }

  reload(): void {
    if (this.#dirty) this.#read();
  }

  committed(): void {
    this.#dirty = false;
  }

  /** What the rows say of what waits: reads all of them but their texts. */
  countRows(): (Waiting & { subscription: number })[] {
    return this.#sql.all<{ subscription: number; events: number; bytes: number; oldestAt: number }>(
      `SELECT e.subscription, sum(e.n) AS events, sum(e.bytes) AS bytes, min(e.at) AS oldestAt
       FROM events AS e JOIN subscriptions AS s ON s.ref = e.subscription WHERE e.seq > s.after_seq GROUP BY e.subscription`,
    );
  }

  /** Those first that were served longest ago. */
  all(): Feed[] {
    return [...this.#feeds.values()];
  }

  withEvents(): Feed[] {
    return this.all().filter(({ waiting }) => waiting.events > 0);
  }

  get(ref: number): Feed | null {
    return this.#feeds.get(ref) ?? null;
  }

  find(namespace: string, name: string): Feed | null {
    return this.all().find(({ settings }) => settings.namespace === namespace && settings.name === name) ?? null;
  }

  hold(feed: Feed, by: string, until: number): void {
    feed.held = { by, until };
    this.#feeds.delete(feed.ref);
    this.#feeds.set(feed.ref, feed);
  }

  /**
   * Writes settings that are new, or newer; with another `afterSeq` the subscription starts anew. Its first try is not put
   * off by how earlier ones fared.
   */
  put(settings: SubscriptionSettings, known: Feed | null, afterSeq: number): void {
    this.#dirty = true;
    const goesOn = known !== null && known.afterSeq === afterSeq;
    const ref = this.#upsert(settings, afterSeq);
    const feed: Feed = goesOn
      ? { ...known, settings }
      : { ref, settings, afterSeq, ...NEW, dead: known !== null, waiting: NOTHING, held: null };
    this.#feeds.set(ref, feed);
    this.save(feed, { ...feed, fortune: WELL });
    this.#noteAny();
  }

  /** Writes how the delivery goes. 1 row. */
  save(feed: Feed, { fortune, delivered, dropped, lastError, lastDeliveredAt }: Delivery): void {
    this.#dirty = true;
    Object.assign(feed, { fortune, delivered, dropped, lastError, lastDeliveredAt });
    this.#sql.run(
      `UPDATE subscriptions SET failures = ?, failing_since = ?, next_at = ?, delivered = ?, dropped = ?, last_error = ?,
         last_delivered_at = ? WHERE ref = ?`,
      fortune.failures,
      fortune.failingSince,
      fortune.nextAt,
      delivered,
      dropped,
      lastError === null ? null : JSON.stringify(lastError),
      lastDeliveredAt,
      feed.ref,
    );
  }

  /** What there is to tell of jobs, in their order. */
  toldRows(jobs: readonly { id: string }[]): ToldHead[] {
    const ids = jobs.map(({ id }) => id);
    const rows = this.#sql.all<ToldHead & SqlRow>(
      `SELECT ${TOLD_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  /** 1 row. */
  append(feed: Feed, { seq, at, n, bytes, events }: EventRow): void {
    this.#sql.run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", feed.ref, seq, at, n, bytes, events);
    this.#count(feed, { events: n, bytes });
  }

  /** The first rows of a feed. */
  front({ ref, afterSeq }: Feed, limit: number): EventSpan[] {
    const query = "SELECT seq, at, n, bytes FROM events WHERE subscription = ? AND seq > ? ORDER BY seq LIMIT +?";
    return this.#sql.all<EventSpan & SqlRow>(query, ref, afterSeq, limit);
  }

  /** The rows of a feed up to one. */
  rowsTo({ ref, afterSeq }: Feed, upTo: number): EventRow[] {
    return this.#sql.all<EventRow>(
      "SELECT seq, at, n, bytes, events FROM events WHERE subscription = ? AND seq > ? AND seq <= ? ORDER BY seq",
      ref,
      afterSeq,
      upTo,
    );
  }

  /** Leaves only some of a row's events. 1 row. */
  shorten(feed: Feed, row: EventSpan, left: { n: number; events: string }): void {
    const { n, events } = left;
    const query = "UPDATE events SET n = ?, bytes = ?, events = ? WHERE subscription = ? AND seq = ?";
    this.#sql.run(query, n, events.length, events, feed.ref, row.seq);
    this.#count(feed, { events: n - row.n, bytes: events.length - row.bytes });
  }

  /** 1 row for each. */
  remove(feed: Feed, rows: EventSpan[]): void {
    if (rows.length === 0) return;
    const query = "DELETE FROM events WHERE subscription = ? AND seq IN (SELECT value FROM json_each(?))";
    this.#sql.run(query, feed.ref, JSON.stringify(rows.map(({ seq }) => seq)));
    const sum = (of: (row: EventSpan) => number) => rows.reduce((total, row) => total + of(row), 0);
    this.#count(feed, { events: -sum(({ n }) => n), bytes: -sum(({ bytes }) => bytes) });
  }

  /** Removes events that deleted subscriptions left, at most `limit` of each. True when there are more. */
  sweepDead(limit: number): boolean {
    for (const feed of this.all().filter(({ dead }) => dead)) {
      const swept = this.#sql.all(
        `DELETE FROM events WHERE subscription = ?1 AND seq IN
           (SELECT seq FROM events WHERE subscription = ?1 AND seq <= ?2 ORDER BY seq LIMIT +?3) RETURNING seq`,
        feed.ref,
        feed.afterSeq,
        limit,
      ).length;
      this.#dirty = true;
      feed.dead = swept === limit;
    }
    return this.all().some(({ dead }) => dead);
  }

  #count(feed: Feed, more: { events: number; bytes: number }): void {
    this.#dirty = true;
    const events = feed.waiting.events + more.events;
    const bytes = feed.waiting.bytes + more.bytes;
    feed.waiting = { events, bytes, oldestAt: events === 0 ? null : (this.front(feed, 1)[0]?.at ?? null) };
  }

  #upsert(settings: SubscriptionSettings, afterSeq: number): number {
    const row = this.#sql.all<{ ref: number }>(
      `INSERT INTO subscriptions (namespace, name, version, settings, after_seq) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, settings = excluded.settings,
         after_seq = excluded.after_seq RETURNING ref`,
      settings.namespace,
      settings.name,
      settings.version,
      JSON.stringify(settings),
      afterSeq,
    )[0];
    if (row === undefined) throw new Error("an upsert returned no row");
    return row.ref;
  }

  #read(): void {
    const rows = this.#sql.all<FeedRow>(`SELECT ${COLUMNS} FROM subscriptions ORDER BY ref`);
    this.#feeds = new Map(rows.map((row) => [row.ref, toFeed(row)]));
    for (const { subscription, ...waiting } of this.countRows()) {
      const feed = this.#feeds.get(subscription);
      if (feed !== undefined) feed.waiting = waiting;
    }
    this.#dirty = false;
    this.#noteAny();
  }

  #noteAny(): void {
    this.any = this.all().some(({ settings }) => !settings.deleted);
  }
}

function toFeed(row: FeedRow): Feed {
  return {
    ref: row.ref,
    settings: JSON.parse(row.settings) as SubscriptionSettings,
    fortune: { failures: row.failures, failingSince: row.failing_since, nextAt: row.next_at },
    delivered: row.delivered,
    dropped: row.dropped,
    lastError: row.last_error === null ? null : (JSON.parse(row.last_error) as DeliveryError),
    lastDeliveredAt: row.last_delivered_at,
    afterSeq: row.after_seq,
    // The first sweep knows.
    dead: row.after_seq > 0,
    waiting: NOTHING,
    held: null,
  };
}
