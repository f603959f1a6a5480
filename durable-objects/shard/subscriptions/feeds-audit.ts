import type { AuditViolation } from "../../../contract/rpc.ts";
import { KEEP_EVENTS_MS } from "../../../domain/feed.ts";
import {
  type AuditPage,
  type AuditView,
  type AuditWalk,
  comesTooLate,
  OVERDUE_MS,
  type RowRules,
} from "../kernel/audit-rules.ts";
import type { Feed } from "./feed.ts";
import { FEEDS } from "./feed-store.ts";
import { nextOpening } from "./subscriptions.ts";

/** The rows of a longer feed are not compared with its count. */
const COUNTED_AT_MOST = 2_000;

/** Every event has its subscription. */
export const EVENT_RULES: RowRules = {
  table: "events",
  key: ["subscription", "seq"],
  named: "'subscription ' || r.subscription",
  rules: [
    {
      rule: "event-has-feed",
      detail: "is not there, and has events",
      where: "NOT EXISTS (SELECT 1 FROM subscriptions AS s WHERE s.ref = r.subscription)",
    },
  ],
};

/** A feed that waits has an alarm, and what is counted in memory is what the rows are. */
class FeedsWalk implements AuditWalk {
  #after = -1;

  next(view: AuditView, limit: number): AuditPage {
    const feeds = view.get(FEEDS);
    const violations: AuditViolation[] = [];
    let rows = 0;
    while (rows < limit) {
      const [ref] = feeds.refsAfter(this.#after, 1);
      if (ref === undefined) return { rows, done: true, violations };
      this.#after = ref;
      const feed = feeds.get(ref);
      const counted = feed === null ? null : feeds.countOf(feed, COUNTED_AT_MOST + 1);
      rows += 1 + (counted?.rows ?? 0);
      if (feed !== null) violations.push(...feedGoesOn(view, feed));
      if (feed !== null && counted !== null) violations.push(...equalsRows(feed, counted));
    }
    return { rows, done: false, violations };
  }

  end(): void {
    // It follows nothing.
  }
}

export const FEEDS_AUDIT = { name: "feeds", begin: () => new FeedsWalk() };

function nameOf({ settings }: Feed): string {
  return `subscription ${settings.namespace}/${settings.name}`;
}

function equalsRows(feed: Feed, counted: { rows: number; events: number; bytes: number }): AuditViolation[] {
  const { events, bytes } = feed.undelivered;
  if (counted.rows > COUNTED_AT_MOST || (counted.events === events && counted.bytes === bytes)) return [];
  const detail = `${nameOf(feed)}: ${events} events of ${bytes} bytes counted, rows have ${counted.events} of ${counted.bytes}`;
  return [{ rule: "feed-equals-rows", detail }];
}

function feedGoesOn(view: AuditView, feed: Feed): AuditViolation[] {
  const { now, alarmAt } = view;
  const violations: AuditViolation[] = [];
  const opens = nextOpening(feed, now);
  if (opens !== null && comesTooLate(view, opens)) {
    const detail = `${nameOf(feed)} may be told at ${opens}, alarm at ${alarmAt}`;
    violations.push({ rule: "feed-has-alarm", detail });
  }
  const oldAt = (feed.undelivered.oldestAt ?? now) + KEEP_EVENTS_MS;
  if (oldAt < now - OVERDUE_MS) {
    violations.push({ rule: "feed-is-swept", detail: `${nameOf(feed)} has events past ${oldAt}` });
  }
  return violations;
}
