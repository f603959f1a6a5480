import type { JobSubsystem } from "../jobs/job-change.ts";
import { collectEvents } from "./collect.ts";
import { sweepEvents } from "./drop.ts";
import { ANY_SUBSCRIPTION, FEEDS } from "./feed-store.ts";
import { EVENT_RULES, FEEDS_AUDIT } from "./feeds-audit.ts";
import { SUBSCRIPTION_MIGRATIONS } from "./subscription-schema.ts";
import { nextFeedAt } from "./subscriptions.ts";

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
    on: [
      "accept",
      "claim",
      "succeed",
      "due",
      "retry",
      "putBack",
      "fail",
      "expire",
      "cancel",
      "reject",
      "redrive",
      "replace",
    ],
    whileAny: ANY_SUBSCRIPTION,
    onChange: collectEvents,
  },
  nextAt: nextFeedAt,
  tick: (step) => sweepEvents(step, SWEEP_PER_STEP),
  audit: { rows: [EVENT_RULES], walks: [FEEDS_AUDIT] },
};
