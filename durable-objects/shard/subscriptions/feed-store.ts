import { HEALTHY } from "../../../domain/feed.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part, type PartContext } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";
import { type Rows, readableSettings } from "../kernel/quarantine.ts";
import { type Delivery, type Feed, type FeedRow, NEW, NOTHING, toFeed, type Undelivered } from "./feed.ts";
import { EVENT_COLUMNS, type EventHead } from "./stored-event.ts";
import { standInFor } from "./unreadable-subscription.ts";

export interface EventRow extends SqlRow {
  seq: number;
  at: number;
  n: number;
  bytes: number;
  /** JSON array of `StoredEvent`. */
  events: string;
}

/** Rows of events as rows that are walked over. */
export const EACH_EVENT_ROW = {
  kind: "events",
  keyOf: ({ ref, seq }) => `${ref}/${seq}`,
} as const satisfies Rows<{ ref: number; seq: number }>;

/** A row without its text. */
export type EventSpan = Pick<EventRow, "seq" | "at" | "n" | "bytes">;

const COLUMNS = `ref, settings, after_seq, failures, failing_since, next_at, delivered, dropped,
  iif(json_valid(last_error), last_error, NULL) AS last_error, last_delivered_at`;

/**
 * The subscriptions that a shard was told of, and every statement on them and their events. A step has a view of its own, which
 * holds what the step has changed and is taken over when it has committed: what that costs depends on nothing else.
 */
export class FeedStore {
  readonly #sql: Sql;
  /** What a step's view lies over; null in the shard's own. */
  readonly #below: FeedStore | null;
  /** Those first that were served longest ago. In a view, what the step has changed; null: it is gone. */
  readonly #feeds = new Map<number, Feed | null>();
  /** In a view: those that were served in the step. */
  readonly #served = new Set<number>();
  /** In the shard's own: the refs by namespace and name. */
  readonly #names = new Map<string, Map<string, number>>();
  /** Of all feeds together. */
  #total = { events: 0, bytes: 0 };
  #listener: (ref: number) => void = () => undefined;

  private constructor(sql: Sql, below: FeedStore | null) {
    this.#sql = sql;
    this.#below = below;
    if (below !== null) this.#total = below.#total;
  }

  /** What all subscriptions together have yet to be told. */
  get total(): Readonly<Pick<Undelivered, "events" | "bytes">> {
    return this.#total;
  }

  /** Reads the store from the rows. */
  static load(shard: PartContext): FeedStore {
    const { sql } = shard;
    const store = new FeedStore(sql, null);
    const rows = sql.all<FeedRow & FeedName>(`SELECT namespace, name, ${COLUMNS} FROM subscriptions ORDER BY ref`);
    for (const row of rows) store.#set(readFeed(shard, row), null);
    for (const { subscription, ...undelivered } of store.#countRows()) store.#update(subscription, { undelivered });
    return store;
  }

  /** The same subscriptions, for a step to change. */
  fork(): FeedStore {
    return new FeedStore(this.#sql, this);
  }

  /** Takes over what a step has changed, when it has committed. */
  join(view: FeedStore): void {
    this.#total = view.#total;
    for (const [ref, feed] of view.#feeds) {
      if (feed === null) this.#drop(ref);
      else {
        if (view.#served.has(ref)) this.#feeds.delete(ref);
        this.#keep(feed);
      }
      this.#listener(ref);
    }
  }

  /** `listener` is told of each feed that a step has changed, when it has committed, and at once of all that there are. */
  listen(listener: (ref: number) => void): void {
    this.#listener = listener;
    for (const ref of this.#feeds.keys()) listener(ref);
  }

  /** What the rows say of what is undelivered. It reads all of them but their texts. */
  #countRows(): (Undelivered & { subscription: number })[] {
    return this.#sql.all<{ subscription: number; events: number; bytes: number; oldestAt: number }>(
      `SELECT e.subscription, sum(e.n) AS events, sum(e.bytes) AS bytes, min(e.at) AS oldestAt
       FROM events AS e JOIN subscriptions AS s ON s.ref = e.subscription WHERE e.seq > s.after_seq GROUP BY e.subscription`,
    );
  }

  /** The rows of a feed counted, `limit` at most, without their texts. */
  countOf({ ref, afterSeq }: Feed, limit: number): { rows: number; events: number; bytes: number } {
    const query = `SELECT count(*) AS rows, coalesce(sum(n), 0) AS events, coalesce(sum(bytes), 0) AS bytes
      FROM (SELECT n, bytes FROM events WHERE subscription = ? AND seq > ? LIMIT +?)`;
    const [counted] = this.#sql.all<{ rows: number; events: number; bytes: number }>(query, ref, afterSeq, limit);
    return counted ?? { rows: 0, events: 0, bytes: 0 };
  }

  /** The next refs behind `after` of subscriptions that the rows know, at most `limit`, ascending. */
  refsAfter(after: number, limit: number): number[] {
    const query = "SELECT ref FROM subscriptions WHERE ref > ? ORDER BY ref LIMIT +?";
    return this.#sql.all<{ ref: number }>(query, after, limit).map(({ ref }) => ref);
  }

  /** All subscriptions that the shard was told of, deleted ones too: those first that were served longest ago. */
  all(): Feed[] {
    return this.#over(this.#below?.all() ?? [], () => true);
  }

  /** The same of one namespace, in any order. Looks at no other namespace's. */
  of(namespace: string): Feed[] {
    if (this.#below !== null) {
      return this.#over(this.#below.of(namespace), ({ settings }) => settings.namespace === namespace);
    }
    return [...(this.#names.get(namespace)?.values() ?? [])].flatMap((ref) => this.get(ref) ?? []);
  }

  withEvents(): Feed[] {
    return this.all().filter(({ undelivered }) => undelivered.events > 0);
  }

  get(ref: number): Feed | null {
    const own = this.#feeds.get(ref);
    return own === undefined ? (this.#below?.get(ref) ?? null) : own;
  }

  find(namespace: string, name: string): Feed | null {
    for (const feed of this.#below === null ? [] : this.#feeds.values()) {
      if (feed?.settings.namespace === namespace && feed.settings.name === name) return feed;
    }
    const known = this.#below?.find(namespace, name)?.ref ?? this.#names.get(namespace)?.get(name);
    return known === undefined ? null : this.get(known);
  }

  /** `by` has a page of the feed in hand until `until` (epoch milliseconds), and all other feeds are served before it again. */
  lease(feed: Feed, by: string, until: number): void {
    const leased = { ...this.#current(feed.ref), leasedBy: { by, until } };
    this.#feeds.delete(feed.ref);
    this.#set(leased, leased);
    this.#served.add(feed.ref);
  }

  /** `by` has no page in hand any more. */
  release(by: string): void {
    for (const { ref, leasedBy } of this.all()) if (leasedBy?.by === by) this.#update(ref, { leasedBy: null });
  }

  /**
   * Writes settings that are new, or newer; with another `afterSeq` the subscription starts anew. Its first try is not put
   * off by how earlier ones fared.
   */
  put(settings: SubscriptionSettings, known: Feed | null, afterSeq: number): void {
    const goesOn = known !== null && known.afterSeq === afterSeq;
    const ref = this.#upsert(settings, afterSeq);
    const feed: Feed = goesOn
      ? { ...known, settings }
      : { ref, settings, afterSeq, ...NEW, dead: known !== null, undelivered: NOTHING, leasedBy: null };
    this.#set(feed, known);
    this.save(feed, { ...feed, health: HEALTHY });
  }

  /** Writes how the delivery goes. 1 row. */
  save(feed: Feed, { health, delivered, dropped, lastError, lastDeliveredAt }: Delivery): void {
    this.#update(feed.ref, { health, delivered, dropped, lastError, lastDeliveredAt });
    this.#sql.run(
      `UPDATE subscriptions SET failures = ?, failing_since = ?, next_at = ?, delivered = ?, dropped = ?, last_error = ?,
         last_delivered_at = ? WHERE ref = ?`,
      health.failures,
      health.failingSince,
      health.nextAt,
      delivered,
      dropped,
      lastError === null ? null : JSON.stringify(lastError),
      lastDeliveredAt,
      feed.ref,
    );
  }

  /** What there is to tell of jobs, in their order. */
  eventRows(jobs: readonly { id: string }[]): EventHead[] {
    const ids = jobs.map(({ id }) => id);
    const rows = this.#sql.all<EventHead & SqlRow>(
      `SELECT ${EVENT_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  /** Adds events to the end of the feed. 1 row. */
  append(feed: Feed, { seq, slot, at, n, bytes, events }: EventRow & { slot: number }): void {
    this.#sql.run(
      "INSERT INTO events (subscription, seq, slot, at, n, bytes, events) VALUES (?, ?, ?, ?, ?, ?, ?)",
      feed.ref,
      seq,
      slot,
      at,
      n,
      bytes,
      events,
    );
    this.#count(feed, { events: n, bytes });
  }

  /** The first rows of a feed, at most `limit`, without their texts. */
  front({ ref, afterSeq }: Feed, limit: number): EventSpan[] {
    const query = "SELECT seq, at, n, bytes FROM events WHERE subscription = ? AND seq > ? ORDER BY seq LIMIT +?";
    return this.#sql.all<EventSpan & SqlRow>(query, ref, afterSeq, limit);
  }

  /** The rows of a feed up to the number `upTo` of the sequence. */
  rowsTo({ ref, afterSeq }: Feed, upTo: number): EventRow[] {
    return this.#sql.all<EventRow>(
      "SELECT seq, at, n, bytes, events FROM events WHERE subscription = ? AND seq > ? AND seq <= ? ORDER BY seq",
      ref,
      afterSeq,
      upTo,
    );
  }

  /** Leaves only `left` of a row's events. 1 row. */
  shorten(feed: Feed, row: EventSpan, left: { n: number; events: string }): void {
    const { n, events } = left;
    const query = "UPDATE events SET n = ?, bytes = ?, events = ? WHERE subscription = ? AND seq = ?";
    this.#sql.run(query, n, events.length, events, feed.ref, row.seq);
    this.#count(feed, { events: n - row.n, bytes: events.length - row.bytes });
  }

  /** Removes whole rows. 1 row for each. */
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
      this.#update(feed.ref, { dead: swept === limit });
    }
    return this.all().some(({ dead }) => dead);
  }

  /** Forgets a subscription, with at most `limit` of its rows: what is left goes first the next time. */
  forgetSome({ ref }: Feed, limit: number): void {
    const query = `DELETE FROM events WHERE subscription = ?1 AND seq IN
      (SELECT seq FROM events WHERE subscription = ?1 ORDER BY seq LIMIT +?2) RETURNING n, bytes`;
    const gone = this.#sql.all<{ n: number; bytes: number }>(query, ref, limit);
    if (gone.length === limit) {
      const sum = (of: "n" | "bytes") => gone.reduce((total, row) => total + row[of], 0);
      this.#count(this.#current(ref), { events: -sum("n"), bytes: -sum("bytes") });
      return;
    }
    this.#sql.run("DELETE FROM subscriptions WHERE ref = ?", ref);
    if (this.#below === null) this.#drop(ref);
    else this.#feeds.set(ref, null);
  }

  /** What a step sees: its own changes over what is below, and what it has added or served at the end. */
  #over(below: readonly Feed[], belongs: (feed: Feed) => boolean): Feed[] {
    const known = new Set(below.map(({ ref }) => ref));
    const own = [...this.#feeds.values()].filter((feed) => feed !== null).filter(belongs);
    const stay = below.flatMap((feed) => (this.#served.has(feed.ref) ? [] : (this.get(feed.ref) ?? [])));
    return [...stay, ...own.filter(({ ref }) => !known.has(ref) || this.#served.has(ref))];
  }

  #drop(ref: number): void {
    const feed = this.get(ref);
    this.#feeds.delete(ref);
    if (feed !== null) this.#names.get(feed.settings.namespace)?.delete(feed.settings.name);
  }

  #keep(feed: Feed): void {
    const { namespace, name } = feed.settings;
    this.#feeds.set(feed.ref, feed);
    const names = this.#names.get(namespace) ?? new Map<string, number>();
    this.#names.set(namespace, names.set(name, feed.ref));
  }

  #count(feed: Feed, more: { events: number; bytes: number }): void {
    const { undelivered } = this.#current(feed.ref);
    const events = undelivered.events + more.events;
    const bytes = undelivered.bytes + more.bytes;
    const oldestAt = events === 0 ? null : (this.front(feed, 1)[0]?.at ?? null);
    this.#update(feed.ref, { undelivered: { events, bytes, oldestAt } });
  }

  #current(ref: number): Feed {
    const feed = this.get(ref);
    if (feed === null) throw new Error(`no subscription with ref ${ref}`);
    return feed;
  }

  #update(ref: number, patch: Partial<Feed>): void {
    const known = this.#current(ref);
    this.#set({ ...known, ...patch }, known);
  }

  #set(feed: Feed, known: Feed | null): void {
    const [before, after] = [known?.undelivered ?? NOTHING, feed.undelivered];
    if (before !== after) {
      const { events, bytes } = this.#total;
      this.#total = { events: events + after.events - before.events, bytes: bytes + after.bytes - before.bytes };
    }
    if (this.#below === null) this.#keep(feed);
    else this.#feeds.set(feed.ref, feed);
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
}

/** Whether any subscription is there to be told: most shards have none, and nothing else is looked at then. */
export const ANY_SUBSCRIPTION = new Part(
  "any subscription",
  ({ sql }) => new Presence(sql, "subscriptions", "NOT json_valid(settings) OR settings ->> 'deleted' = 0"),
);

export const FEEDS = new Part(
  "feeds",
  (shard) => FeedStore.load(shard),
  (base, step) => {
    const view = base.fork();
    step.onCommit(() => base.join(view));
    return view;
  },
);

type FeedName = Pick<SubscriptionSettings, "namespace" | "name">;

/** Subscriptions as rows that are set aside. */
export const EACH_FEED = { kind: "subscriptions", keyOf: ({ ref }) => String(ref) } as const satisfies Rows<{
  ref: number;
}>;

/** One whose row cannot be read is set aside and paused, until its settings are sent again. */
function readFeed(shard: PartContext, row: FeedRow & FeedName): Feed {
  const name = { kind: EACH_FEED.kind, key: EACH_FEED.keyOf(row) };
  const feed = readableSettings(shard, name, () => toFeed(row));
  return feed ?? toFeed({ ...row, settings: JSON.stringify(standInFor(row)) });
}
