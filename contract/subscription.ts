import { z } from "zod";
import { EVENT_TYPES } from "../domain/subscription.ts";
import { pageOf } from "./list.ts";
import { Name, Tag } from "./primitives.ts";
import { HttpTargetBody, HttpTargetView } from "./target.ts";
import { Timestamp } from "./time.ts";

/** Subscriptions: who is told of the changes of jobs. */

const EventName = z.enum(EVENT_TYPES);

/** A binding's name in a wrangler.toml. Whether the processor has it is known when it sends. */
const Binding = z.string().regex(/^[A-Z][A-Z0-9_]{0,62}$/);

/** A subscription as sent: what is left out gets its default; `paused` of one that exists stays. */
export const SubscriptionBody = z.strictObject({
  events: z
    .array(EventName)
    .min(1)
    .max(EVENT_TYPES.length)
    .refine((events) => new Set(events).size === events.length, { error: "must not name an event twice" }),
  /** What a job must be: all that is named. The queue need not exist yet. */
  filter: z.strictObject({ queue: Name.optional(), tag: Tag.optional() }).optional(),
  target: z.discriminatedUnion("type", [
    HttpTargetBody,
    /** A producer binding of the processor's wrangler.toml. */
    z.strictObject({ type: z.literal("queue"), binding: Binding }),
  ]),
  /** Events are collected, and wait. */
  paused: z.boolean().optional(),
});
/** As parsed. */
export type SubscriptionBody = z.output<typeof SubscriptionBody>;
/** As sent: a target's `headers` may be left out. */
export type SubscriptionInput = z.input<typeof SubscriptionBody>;

/**
 * How the delivery goes, summed over the shards, each of which delivers its own jobs' events. `failures` counts tries that
 * failed since the last that did not. `dropped` were given up: refused by the receiver, failing for three days, seven days
 * old, or too many to be kept.
 */
export const DeliveryView = z.strictObject({
  delivered: z.int(),
  dropped: z.int(),
  pending: z.int(),
  oldestPendingAt: Timestamp.nullable(),
  failures: z.int(),
  lastError: z.strictObject({ code: z.string(), message: z.string(), at: Timestamp }).nullable(),
  lastDeliveredAt: Timestamp.nullable(),
});
export type DeliveryView = z.infer<typeof DeliveryView>;

export const SubscriptionView = z.strictObject({
  name: Name,
  events: z.array(EventName),
  filter: z.strictObject({ queue: z.string().nullable(), tag: z.string().nullable() }),
  target: z.discriminatedUnion("type", [
    HttpTargetView,
    z.strictObject({ type: z.literal("queue"), binding: z.string() }),
  ]),
  paused: z.boolean(),
  version: z.int(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  delivery: DeliveryView,
});
export type SubscriptionView = z.infer<typeof SubscriptionView>;

export const SubscriptionListView = pageOf(SubscriptionView);
export type SubscriptionListView = z.infer<typeof SubscriptionListView>;
