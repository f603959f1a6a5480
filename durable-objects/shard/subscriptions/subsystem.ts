import type { AuditViolation } from "../../../contract/rpc.ts";
import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { comesTooLate, OVERDUE_MS } from "../kernel/audit-rules.ts";
import type { AuditView } from "../kernel/subsystem.ts";
import { collectEvents } from "./collect.ts";
import { sweepEvents } from "./drop.ts";
import { ANY_SUBSCRIPTION, FEEDS } from "./feed-store.ts";
import { SUBSCRIPTION_MIGRATIONS } from "./subscription-schema.ts";
import { nextFeedAt, nextOpening } from "./subscriptions.ts";

/** Events swept in one step, of each subscription. */
const SWEEP_PER_STEP = 200;

/** Subscriptions, and the events that they have yet to be told of. */
export const subscriptions: JobSubsystem = {
  name: "subscriptions",
  schema: SUBSCRIPTION_MIGRATIONS,
  tables: [
    {
      table: "subscriptions",
      scope: "shard",
      why: "a copy of configuration, and counters that add up over the shards",
    },
    { table: "events", scope: "slot" },
  ],
  memory: [ANY_SUBSCRIPTION, FEEDS],
  jobs: {
    on: ["accept", "claim", "succeed", "due", "retry", "fail", "expire", "cancel", "reject", "redrive", "replace"],
    whileAny: ANY_SUBSCRIPTION,
    onChange: collectEvents,
  },
  nextAt: nextFeedAt,
  tick: (step) => sweepEvents(step, SWEEP_PER_STEP),
  audit: feedsGoOn,
};

/** A feed that waits has an alarm, what is counted in memory is what the rows are, and every event has its subscription. */
function feedsGoOn(view: AuditView): AuditViolation[] {
  const { now, alarmAt, sql } = view;
  const feeds = view.get(FEEDS);
  const counted = new Map(feeds.countRows().map(({ subscription, ...undelivered }) => [subscription, undelivered]));
  const violations: AuditViolation[] = [];
  for (const feed of feeds.all()) {
    const { ref, settings, undelivered } = feed;
    const what = `subscription ${settings.namespace}/${settings.name}`;
    const rows = counted.get(ref) ?? { events: 0, bytes: 0 };
    if (rows.events !== undelivered.events || rows.bytes !== undelivered.bytes) {
      const detail = `${what}: ${undelivered.events} events of ${undelivered.bytes} bytes counted, rows have ${rows.events} of ${rows.bytes}`;
      violations.push({ rule: "feed-equals-rows", detail });
    }
    const opens = nextOpening(feed, now);
    if (opens !== null && comesTooLate(view, opens)) {
      violations.push({ rule: "feed-has-alarm", detail: `${what} may be told at ${opens}, alarm at ${alarmAt}` });
    }
    const oldAt = (undelivered.oldestAt ?? now) + KEEP_EVENTS_MS;
    if (oldAt < now - OVERDUE_MS)
      violations.push({ rule: "feed-is-swept", detail: `${what} has events past ${oldAt}` });
  }
  const lost = sql.all<{ subscription: number }>(
    "SELECT DISTINCT subscription FROM events WHERE subscription NOT IN (SELECT ref FROM subscriptions) LIMIT 5",
  );
  const orphans = lost.map(({ subscription }) => ({ rule: "event-has-feed", detail: `subscription ${subscription}` }));
  return [...violations, ...orphans];
}
