import type { AuditViolation } from "../../../contract/rpc.ts";
import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import type { Sql } from "../../sql.ts";
import { nextOpening } from "../subscriptions/subscriptions.ts";
import type { Stores } from "../turn.ts";

/** A feed that waits has an alarm, what is counted in memory is what the rows are, and every event has its subscription. */
export function feedsGoOn(
  sql: Sql,
  stores: Stores,
  { alarmAt, now, lateMs }: { alarmAt: number | null; now: number; lateMs: number },
): AuditViolation[] {
  const late = (at: number) => alarmAt === null || alarmAt > Math.max(at, now) + lateMs;
  const counted = new Map(stores.feeds.countRows().map(({ subscription, ...waiting }) => [subscription, waiting]));
  const violations: AuditViolation[] = [];
  for (const feed of stores.feeds.all()) {
    const { ref, settings, waiting } = feed;
    const what = `subscription ${settings.namespace}/${settings.name}`;
    const rows = counted.get(ref) ?? { events: 0, bytes: 0 };
    if (rows.events !== waiting.events || rows.bytes !== waiting.bytes) {
      const detail = `${what}: ${waiting.events} events of ${waiting.bytes} bytes counted, rows have ${rows.events} of ${rows.bytes}`;
      violations.push({ rule: "feed-equals-rows", detail });
    }
    const opens = nextOpening(feed, now);
    if (opens !== null && late(opens)) {
      violations.push({ rule: "feed-has-alarm", detail: `${what} may be told at ${opens}, alarm at ${alarmAt}` });
    }
    const oldAt = (waiting.oldestAt ?? now) + KEEP_EVENTS_MS;
    if (oldAt < now - lateMs) violations.push({ rule: "feed-is-swept", detail: `${what} has events past ${oldAt}` });
  }
  const lost = sql.all<{ subscription: number }>(
    "SELECT DISTINCT subscription FROM events WHERE subscription NOT IN (SELECT ref FROM subscriptions) LIMIT 5",
  );
  const orphans = lost.map(({ subscription }) => ({ rule: "event-has-feed", detail: `subscription ${subscription}` }));
  return [...violations, ...orphans];
}
