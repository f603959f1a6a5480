import { z } from "zod";
import { EVENT_TYPES, eventId, type LifecycleEvent, type SubscriptionSettings } from "../domain/subscription.ts";
import { JobErrorView } from "./error.ts";
import { JobStateName } from "./job.ts";
import { Name } from "./primitives.ts";
import { formatTimestamp, Timestamp } from "./time.ts";

/**
 * What a subscriber gets: the body of a webhook, or a message of a Queue. `id` is the same at each delivery, and for every
 * subscription. Of two events of a job the later has the higher `job.version`. Payload and result are the API's to tell.
 */
export const EventView = z.strictObject({
  id: z.string(),
  type: z.enum(EVENT_TYPES),
  at: Timestamp,
  subscription: Name,
  job: z.strictObject({
    id: z.string(),
    namespace: Name,
    queue: Name,
    state: JobStateName,
    version: z.int(),
    attempt: z.int(),
    orderingKey: z.string().nullable(),
    tags: z.array(z.string()),
    /** Of the attempt that has just failed; null with the other events. */
    error: JobErrorView.nullable(),
  }),
});
export type EventView = z.infer<typeof EventView>;

/** An event as a subscriber gets it. */
export function eventView(
  { type, at, job }: LifecycleEvent,
  { namespace, name }: Pick<SubscriptionSettings, "namespace" | "name">,
): EventView {
  const { id, queue, state, version, attempt, orderingKey, tags, error } = job;
  return {
    id: eventId(job),
    type,
    at: formatTimestamp(at),
    subscription: name,
    job: { id, namespace, queue, state, version, attempt, orderingKey, tags, error },
  };
}
