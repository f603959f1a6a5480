import { z } from "zod";
import { EVENT_TYPES, eventId, type LifecycleEvent, type SubscriptionSettings } from "../domain/subscription.ts";
import { JobErrorView } from "./error.ts";
import { EXAMPLE_JOB_ID, FINISHED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { JobStateName } from "./job.ts";
import { Name } from "./primitives.ts";
import { EVENTS_TEXT } from "./subscription.ts";
import { formatTimestamp, Timestamp } from "./time.ts";

/**
 * What a subscriber gets: the body of a webhook, or a message of a Queue. `id` is the same at each delivery, and for every
 * subscription. Of two events of a job the later has the higher `job.version`. Payload and result are the API's to tell.
 */
export const EventView = described(
  z.strictObject({
    id: field(
      z.string(),
      "The id of the event: the same at each delivery and for every subscription, so that what was seen can be dropped.",
      `evt_${EXAMPLE_JOB_ID.slice("job_".length)}_3`,
    ),
    type: field(z.enum(EVENT_TYPES), `What happened to the job. ${EVENTS_TEXT}`, "job.succeeded"),
    at: field(Timestamp, "When it happened.", FINISHED_AT),
    subscription: field(Name, "The name of the subscription that it is delivered for.", "orders"),
    job: described(
      z.strictObject({
        id: field(z.string(), "The id of the job.", EXAMPLE_JOB_ID),
        namespace: field(Name, "The namespace that it belongs to.", "default"),
        queue: field(Name, "The name of its queue.", "orders"),
        state: field(JobStateName, "The state of the job right after the change.", "succeeded"),
        version: field(
          z.int(),
          "Counts the changes of the job: of two events of a job the one with the higher number is the later.",
          3,
        ),
        attempt: field(z.int(), "How many attempts have begun.", 1),
        orderingKey: field(z.string().nullable(), "Its ordering key. Null when it has none.", null, "user-42"),
        tags: field(z.array(z.string()), "The words that it can be found by.", []),
        error: field(
          JobErrorView.nullable(),
          "Why the attempt failed that has just failed. Null with other events.",
          null,
        ),
        traceparent: field(
          z.string().nullable(),
          "The trace that the job belongs to, as its submission named it (W3C Trace Context). Null when it named none.",
          null,
          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
      }),
      "The job right after the change, without payload and result.",
    ),
  }),
  "One change of one job, as a subscriber is told of it.",
);
export type EventView = z.infer<typeof EventView>;

/** An event as a subscriber gets it. */
export function eventView(
  { type, at, job }: LifecycleEvent,
  { namespace, name }: Pick<SubscriptionSettings, "namespace" | "name">,
): EventView {
  const { id, queue, state, version, attempt, orderingKey, tags, error, traceparent = null } = job;
  return {
    id: eventId(job),
    type,
    at: formatTimestamp(at),
    subscription: name,
    job: { id, namespace, queue, state, version, attempt, orderingKey, tags, error, traceparent },
  };
}
