import type { JobError } from "../../../domain/job/job.ts";
import type { JobState } from "../../../domain/job/state.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import type { ChangedJob, EventType, LifecycleEvent } from "../../../domain/subscription.ts";
import type { JobHead, JobSpec } from "../jobs/job-row.ts";

/** An event as a row of `events` has it among others of its step. Its time is the row's. */
export type StoredEvent = [
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

export function toStored(type: EventType, job: ChangedJob): StoredEvent {
  const { id, queue, state, version, attempt, orderingKey, tags, error, traceparent } = job;
  const stored: StoredEvent = [type, id, queue, state, version, attempt, orderingKey, tags, error];
  if (traceparent !== undefined) stored.push(traceparent);
  return stored;
}

export function fromStored(stored: StoredEvent, at: number): LifecycleEvent {
  const [type, id, queue, state, version, attempt, orderingKey, tags, error, traceparent] = stored;
  const trace = traceparent === undefined ? {} : { traceparent };
  return { type, at, job: { id, queue, state, version, attempt, orderingKey, tags, error, ...trace } };
}

/** The slot of the job that an event tells of. */
export function slotOfStored([, id]: StoredEvent): number {
  return slotOfJob(id);
}

/** The columns of a row that an event tells. */
export type EventHead = Pick<JobHead, "id" | "state" | "version" | "attempt" | "ordering_key" | "spec" | "error">;
export const EVENT_COLUMNS = "id, state, version, attempt, ordering_key, spec, error";

/** The job as `type` tells of it: an error is of the attempt that has just failed, so most events have none. */
export function changedJob(type: EventType, row: EventHead, queue: string): ChangedJob {
  const tells = type === "job.failed" || type === "job.retrying";
  const { tags, traceparent } = JSON.parse(row.spec) as JobSpec;
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
