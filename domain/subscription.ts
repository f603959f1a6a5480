import type { JobError } from "./job/job.ts";
import type { JobState } from "./job/state.ts";
import type { HttpTarget } from "./target-secrets.ts";

/** Subscriptions: who is told of the changes of jobs, and of what became of schedules; and what there is to tell. */

/**
 * The changes of jobs that can be subscribed to.
 *
 * - `job.accepted`: the job is committed, and will run.
 * - `job.started`: an attempt has begun.
 * - `job.retrying`: an attempt has failed, and another will follow.
 * - `job.succeeded`: the job is done, for ever.
 * - `job.failed`: the job has failed for good, and is a dead letter.
 * - `job.cancelled`: the job was called off.
 * - `job.redriven`: a failed or cancelled job is back in line.
 */
export const EVENT_TYPES = [
  "job.accepted",
  "job.started",
  "job.retrying",
  "job.succeeded",
  "job.failed",
  "job.cancelled",
  "job.redriven",
] as const;
/** One of `EVENT_TYPES`. */
export type EventType = (typeof EVENT_TYPES)[number];

/**
 * What can be subscribed to of schedules. `schedule.missed`: instants are over that made no job, because the platform could
 * not look at them in time.
 */
export const SCHEDULE_EVENT_TYPES = ["schedule.missed"] as const;
/** One of `SCHEDULE_EVENT_TYPES`. */
export type ScheduleEventType = (typeof SCHEDULE_EVENT_TYPES)[number];

/** Where events go: to an HTTP endpoint, or to a Queue by the name of a producer binding of the processor. */
export type SubscriptionTarget = HttpTarget | { type: "queue"; binding: string };

/**
 * A subscription as D1 and the shards keep it. `version` grows with every change, over deletion and re-creation too, so
 * that of two copies the higher is the newer. Times are epoch ms.
 */
export interface SubscriptionSettings {
  namespace: string;
  name: string;
  version: number;
  deleted: boolean;
  events: (EventType | ScheduleEventType)[];
  /** Only jobs of this queue, and only jobs with this tag; null: of any. A schedule is as its jobs are. */
  filter: { queue: string | null; tag: string | null };
  target: SubscriptionTarget;
  /** Events are collected and not delivered. */
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

/**
 * A job as it was right after the change that an event tells of. `error` is that of the attempt that just failed, or
 * null.
 */
export interface ChangedJob {
  id: string;
  queue: string;
  state: JobState;
  /** Grows by one with every change of the job: of two events of a job the later has the higher one. */
  version: number;
  attempt: number;
  orderingKey: string | null;
  tags: string[];
  error: JobError | null;
  /** The trace of its submission; left out: it had none. */
  traceparent?: string;
}

/** One change of one job; `at` is when it happened, in epoch ms of the shard's clock. */
export interface LifecycleEvent {
  type: EventType;
  at: number;
  job: ChangedJob;
}

/** A run of instants of a schedule that were missed. */
export interface MissedInstants {
  /** The id that the job of the first one would have had: it names the run. */
  id: string;
  /** The schedule's. */
  name: string;
  /** Of its jobs. */
  queue: string;
  /** The first of them, in epoch ms. */
  scheduledAt: number;
  count: number;
  reason: string | null;
}

/** What became of a schedule; `at` is as in `LifecycleEvent`. */
export interface ScheduleEvent {
  type: ScheduleEventType;
  at: number;
  schedule: MissedInstants;
}

/** Whatever subscribers are told of. */
export type AnyEvent = LifecycleEvent | ScheduleEvent;

/**
 * What the change of a job from one state to another is called; null when nobody is told of it. Between two states
 * there is at most one name, whichever event of the graph led from one to the other.
 */
export function eventOf(before: JobState, after: JobState): EventType | null {
  if (before === after) return null;
  switch (after) {
    case "running":
      return "job.started";
    case "succeeded":
      return "job.succeeded";
    case "failed":
      return "job.failed";
    case "cancelled":
      return "job.cancelled";
    case "scheduled":
    case "queued":
      if (before === "running") return "job.retrying";
      return before === "failed" || before === "cancelled" ? "job.redriven" : null;
  }
}

/**
 * The id of an event, which names the job and its version. It is the same for every delivery and every subscription, so
 * that consumers know repetitions by it.
 */
export function eventId({ id, version }: Pick<ChangedJob, "id" | "version">): string {
  return `evt_${id.slice("job_".length)}_${version}`;
}

/** The id of any event: see `eventId`. */
export function idOfEvent(event: AnyEvent): string {
  return "job" in event ? eventId(event.job) : `evt_${event.schedule.id.slice("job_".length)}_missed`;
}

/** What an event is of: the events of one subject are delivered in order. */
export function subjectOf(event: AnyEvent): string {
  return "job" in event ? event.job.id : `schedule ${event.schedule.name}`;
}

/**
 * Whether a subscription asks for events of this type and queue. Where it is so, the filter's tag is still to be looked
 * at.
 */
export function asksFor(
  { events, filter }: SubscriptionSettings,
  type: EventType | ScheduleEventType,
  queue: string,
): boolean {
  return events.includes(type) && (filter.queue === null || filter.queue === queue);
}
