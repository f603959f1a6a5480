import type { JobError } from "../../../domain/job/job.ts";
import type { JobState } from "../../../domain/job/state.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import type {
  AnyEvent,
  ChangedJob,
  EventType,
  MissedInstants,
  ScheduleEventType,
} from "../../../domain/subscription.ts";
import { type JobHead, readableSpec } from "../jobs/job-row.ts";

/** An event as a row of `events` has it among others of its step. Its time is the row's. */
export type StoredEvent = StoredJobEvent | StoredScheduleEvent;

type StoredJobEvent = [
  type: EventType,
  id: string,
  queue: string,
  state: JobState,
  version: number,
  attempt: number,
  orderingKey: string | null,
  tags: string[],
  error: JobError | null,
  /** Left out where the job has none. */
  traceparent?: string,
];

type StoredScheduleEvent = [
  type: ScheduleEventType,
  id: string,
  name: string,
  queue: string,
  scheduledAt: number,
  count: number,
  reason: string | null,
];

export function missedToStored({ id, name, queue, scheduledAt, count, reason }: MissedInstants): StoredEvent {
  return ["schedule.missed", id, name, queue, scheduledAt, count, reason];
}

export function toStored(type: EventType, job: ChangedJob): StoredEvent {
  const { id, queue, state, version, attempt, orderingKey, tags, error, traceparent } = job;
  const stored: StoredJobEvent = [type, id, queue, state, version, attempt, orderingKey, tags, error];
  if (traceparent !== undefined) stored.push(traceparent);
  return stored;
}

export function fromStored(stored: StoredEvent, at: number): AnyEvent {
  if (stored[0] === "schedule.missed") {
    const [type, id, name, queue, scheduledAt, count, reason] = stored;
    return { type, at, schedule: { id, name, queue, scheduledAt, count, reason } };
  }
  const [type, id, queue, state, version, attempt, orderingKey, tags, error, traceparent] = stored;
  const trace = traceparent === undefined ? {} : { traceparent };
  return { type, at, job: { id, queue, state, version, attempt, orderingKey, tags, error, ...trace } };
}

/** The slot of the job that an event tells of; of a schedule, that of its place. */
export function slotOfStored([, id]: StoredEvent): number {
  return slotOfJob(id);
}

/** The columns of a row that an event tells. */
export type EventHead = Pick<JobHead, "id" | "state" | "version" | "attempt" | "ordering_key" | "spec" | "error">;
export const EVENT_COLUMNS = "id, state, version, attempt, ordering_key, spec, error";

/** The job as `type` tells of it: an error is of the attempt that has just failed, so most events have none. */
export function changedJob(type: EventType, row: EventHead, queue: string): ChangedJob {
  const tells = type === "job.failed" || type === "job.retrying";
  const { tags = [], traceparent } = readableSpec(row);
  return {
    id: row.id,
    queue,
    state: row.state,
    version: row.version,
    attempt: row.attempt,
    orderingKey: row.ordering_key,
    tags,
    error: tells && row.error !== null ? (JSON.parse(row.error) as JobError) : null,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
