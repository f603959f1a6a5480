import * as z from "zod";
import {
  type AnyEvent,
  EVENT_TYPES,
  idOfEvent,
  SCHEDULE_EVENT_TYPES,
  type SubscriptionSettings,
} from "../domain/subscription.ts";
import { JobErrorView } from "./error.ts";
import { ACCEPTED_AT, EXAMPLE_JOB_ID, FINISHED_AT } from "./examples.ts";
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

/** What became of a schedule, in the same envelope. */
export const ScheduleEventView = described(
  z.strictObject({
    id: field(
      z.string(),
      "The id of the event: the same at each delivery and for every subscription, so that what was seen can be dropped.",
      `evt_${EXAMPLE_JOB_ID.slice("job_".length)}_missed`,
    ),
    type: field(
      z.enum(SCHEDULE_EVENT_TYPES),
      "What happened. `schedule.missed`: instants are over that made no job, because they could not be looked at in time.",
      "schedule.missed",
    ),
    at: field(Timestamp, "When they were found to be missed.", FINISHED_AT),
    subscription: field(Name, "The name of the subscription that it is delivered for.", "orders"),
    schedule: described(
      z.strictObject({
        name: field(Name, "The name of the schedule.", "daily-report"),
        namespace: field(Name, "The namespace that it belongs to.", "default"),
        queue: field(Name, "The queue of its jobs.", "reports"),
        scheduledAt: field(Timestamp, "The first instant that was missed.", ACCEPTED_AT),
        count: field(z.int(), "How many instants were missed, one after the other. Counted up to 1,000.", 1),
        reason: field(
          z.string().nullable(),
          "Why they made no job, as a sentence for people. Null when there is nothing to say.",
          "The next instant was due before it could be fired.",
        ),
      }),
      "The run of instants that were missed.",
    ),
  }),
  "Instants of a schedule that were missed, as a subscriber is told of them.",
);
export type ScheduleEventView = z.infer<typeof ScheduleEventView>;

/** An event as a subscriber gets it. */
export function eventView(
  event: AnyEvent,
  { namespace, name }: Pick<SubscriptionSettings, "namespace" | "name">,
): EventView | ScheduleEventView {
  const [id, at] = [idOfEvent(event), formatTimestamp(event.at)];
  if ("schedule" in event) {
    const { name: schedule, queue, scheduledAt, count, reason } = event.schedule;
    const missed = { name: schedule, namespace, queue, scheduledAt: formatTimestamp(scheduledAt), count, reason };
    return { id, type: event.type, at, subscription: name, schedule: missed };
  }
  const { id: job, queue, state, version, attempt, orderingKey, tags, error, traceparent = null } = event.job;
  return {
    id,
    type: event.type,
    at,
    subscription: name,
    job: { id: job, namespace, queue, state, version, attempt, orderingKey, tags, error, traceparent },
  };
}
