import type { Migrations } from "../../migrate.ts";

/**
 * The schema of subscriptions. While none matches a step, it writes nothing here. A step that one matches writes a row for
 * each slot of which jobs changed, however many; its delivery writes the subscription's row, once a page, and deletes these.
 */
export const SUBSCRIPTION_MIGRATIONS: Migrations = [
  {
    name: "subscriptions/1-subscriptions",
    statements: [
      // Every subscription this shard was told of, deleted ones too, so that an older word that comes late changes nothing.
      // settings: domain/subscription.ts SubscriptionSettings, as JSON. after_seq: events up to there are of a deleted one.
      // failures, failing_since, next_at: domain/feed.ts DeliveryHealth. last_error: contract/rpc/subscription.ts
      // DeliveryError.
      `CREATE TABLE subscriptions (
        ref INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        settings TEXT NOT NULL,
        after_seq INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        failing_since INTEGER,
        next_at INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        dropped INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        last_delivered_at INTEGER,
        UNIQUE (namespace, name)
      )`,
      // What is yet to be delivered, the long column last. n: how many events. bytes: about how long the row is.
      // events: a JSON array, see stored-event.ts, all of jobs of the slot.
      `CREATE TABLE events (
        subscription INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        at INTEGER NOT NULL,
        n INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        events TEXT NOT NULL,
        PRIMARY KEY (subscription, seq)
      ) WITHOUT ROWID`,
    ],
  },
];
