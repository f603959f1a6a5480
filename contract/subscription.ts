import * as z from "zod";
import { EVENT_TYPES, SCHEDULE_EVENT_TYPES } from "../domain/subscription.ts";
import { ACCEPTED_AT, FINISHED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { pageOf } from "./list.ts";
import { Name, Tag } from "./primitives.ts";
import { says } from "./sentence.ts";
import { BindingName, HttpTargetBody, HttpTargetView } from "./target.ts";
import { Timestamp } from "./time.ts";

/** Subscriptions: who is told of the changes of jobs, and of what became of schedules. */

const ALL_TYPES = [...EVENT_TYPES, ...SCHEDULE_EVENT_TYPES] as const;
const EventName = z.enum(ALL_TYPES);

export const EVENTS_TEXT =
  "`job.accepted`: it is committed and will run; `job.started`: an attempt has begun; `job.retrying`: an attempt has failed and another follows; `job.succeeded`; `job.failed`: for good; `job.cancelled`; `job.redriven`: it is back in line after it was final.";

const SCHEDULE_EVENTS_TEXT =
  "`schedule.missed`: instants of a schedule made no job, because they could not be looked at in time.";

const QUEUE_TARGET = "`queue`: events go into a Cloudflare Queue.";
const BINDING_TEXT = "The producer binding of the Queue in the processor's wrangler.toml.";
const TARGET_TEXT = "Where events go: by POST to a URL, or into a Cloudflare Queue.";
const PAUSED_TEXT = "Whether events are collected and not delivered";

/** A subscription as sent: what is left out gets its default, also when the subscription exists. */
export const SubscriptionBody = described(
  z.strictObject({
    events: field(
      z
        .array(EventName)
        .min(1)
        .max(ALL_TYPES.length)
        .refine((events) => new Set(events).size === events.length, says("names no event twice")),
      `The changes to be told of, each once. ${EVENTS_TEXT} ${SCHEDULE_EVENTS_TEXT}`,
      ["job.succeeded", "job.failed"],
    ),
    filter: field(
      z
        .strictObject({
          queue: field(
            Name.optional(),
            "Only jobs of this queue, which need not exist yet. Left out: of any.",
            "orders",
          ),
          tag: field(Tag.optional(), "Only jobs with this tag. Left out: with any or none.", "welcome"),
        })
        .optional(),
      "Which jobs, and schedules by the jobs that they make: those that are all that is named. Left out: all of the namespace.",
      { queue: "orders" },
    ),
    target: field(
      z.discriminatedUnion("type", [
        HttpTargetBody,
        described(
          z.strictObject({
            type: field(z.literal("queue"), QUEUE_TARGET, "queue"),
            // Whether the processor has it is known when it sends.
            binding: field(BindingName, BINDING_TEXT, "OUT"),
          }),
          QUEUE_TARGET,
        ),
      ]),
      TARGET_TEXT,
      { type: "http", url: "https://example.com/hook" },
    ),
    paused: field(
      z.boolean().optional(),
      `${PAUSED_TEXT}. Left out: false, or as the subscription that exists has it.`,
      false,
    ),
  }),
  "A subscription, all of it: what is left out gets its default, but `paused` of one that exists stays.",
  {
    events: ["job.succeeded", "job.failed"],
    filter: { queue: "orders" },
    target: { type: "http", url: "https://example.com/hook" },
  },
);
/** As parsed. */
export type SubscriptionBody = z.output<typeof SubscriptionBody>;
/** As sent: a target's `headers` may be left out. */
export type SubscriptionInput = z.input<typeof SubscriptionBody>;

const LastError = described(
  z.strictObject({
    code: field(z.string(), "What kind of failure it was, for programs.", "http-503"),
    message: field(z.string(), "What happened, for people.", "The receiver answered 503."),
    at: field(Timestamp, "When it happened.", FINISHED_AT),
  }),
  "The last try of a delivery that failed.",
);

/** How the delivery goes, summed over the shards, each of which delivers its own jobs' events. */
export const DeliveryView = described(
  z.strictObject({
    delivered: field(z.int(), "Events that were delivered.", 118),
    dropped: field(
      z.int(),
      "Events that were given up: refused by the receiver, failing for three days, seven days old, or too many to be kept.",
      0,
    ),
    pending: field(z.int(), "Events that wait to be delivered.", 2),
    oldestPendingAt: field(
      Timestamp.nullable(),
      "When the oldest event that waits happened. Null when none waits.",
      ACCEPTED_AT,
    ),
    failures: field(z.int(), "Tries that failed since the last one that did not.", 0),
    lastError: field(LastError.nullable(), "The last try that failed. Null when none has.", null),
    lastDeliveredAt: field(
      Timestamp.nullable(),
      "When an event was last delivered. Null when none has been.",
      FINISHED_AT,
    ),
  }),
  "How the delivery of events goes, over all shards.",
);
export type DeliveryView = z.infer<typeof DeliveryView>;

export const SubscriptionView = described(
  z.strictObject({
    name: field(Name, "The name of the subscription.", "orders"),
    events: field(z.array(EventName), `The changes that it is told of. ${EVENTS_TEXT} ${SCHEDULE_EVENTS_TEXT}`, [
      "job.succeeded",
      "job.failed",
    ]),
    filter: described(
      z.strictObject({
        queue: field(z.string().nullable(), "Only jobs of this queue. Null: of any.", "orders"),
        tag: field(z.string().nullable(), "Only jobs with this tag. Null: with any or none.", null, "welcome"),
      }),
      "Which jobs: those that are all that is named.",
    ),
    target: field(
      z.discriminatedUnion("type", [
        HttpTargetView,
        described(
          z.strictObject({
            type: field(z.literal("queue"), QUEUE_TARGET, "queue"),
            binding: field(z.string(), BINDING_TEXT, "OUT"),
          }),
          QUEUE_TARGET,
        ),
      ]),
      TARGET_TEXT,
      { type: "http", url: "https://example.com/hook", headers: {} },
    ),
    paused: field(z.boolean(), `${PAUSED_TEXT}.`, false),
    version: field(
      z.int(),
      "Counts the changes of the subscription: of two copies the one with the higher number is newer.",
      1,
    ),
    createdAt: field(Timestamp, "When the subscription was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When it was last changed.", ACCEPTED_AT),
    delivery: field(DeliveryView, "How the delivery of its events goes."),
  }),
  "A subscription, and how its delivery goes.",
);
export type SubscriptionView = z.infer<typeof SubscriptionView>;

export const SubscriptionListView = pageOf(SubscriptionView, "Subscriptions, the newest first");
export type SubscriptionListView = z.infer<typeof SubscriptionListView>;
