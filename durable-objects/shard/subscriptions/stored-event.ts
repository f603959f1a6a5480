import type { JobError } from "../../../domain/job/job.ts";
import type { JobState } from "../../../domain/job/state.ts";
import type { ChangedJob, EventType, LifecycleEvent } from "../../../domain/subscription.ts";
import type { NewRow } from "../jobs/job-store.ts";
import type { JobHead, JobSpec } from "../rows.ts";

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
];

export function toStored(type: EventType, job: ChangedJob): StoredEvent {
  const { id, queue, state, version, attempt, orderingKey, tags, error } = job;
  return [type, id, queue, state, version, attempt, orderingKey, tags, error];
}

export function fromStored(stored: StoredEvent, at: number): LifecycleEvent {
  const [type, id, queue, state, version, attempt, orderingKey, tags, error] = stored;
  return { type, at, job: { id, queue, state, version, attempt, orderingKey, tags, error } };
}

/** The columns of a row that an event tells. */
export type ToldHead = Pick<JobHead, "id" | "state" | "version" | "attempt" | "ordering_key" | "spec" | "error">;
export const TOLD_COLUMNS = "id, state, version, attempt, ordering_key, spec, error";

/** The job as `type` tells of it: an error is of the attempt that has just failed, so most events have none. */
export function changedJob(type: EventType, row: ToldHead, queue: string): ChangedJob {
  const tells = type === "job.failed" || type === "job.retrying";
  return {
    id: row.id,
    queue,
    state: row.state,
    version: row.version,
    attempt: row.attempt,
    orderingKey: row.ordering_key,
    tags: (JSON.parse(row.spec) as JobSpec).tags,
    error: tells && row.error !== null ? (JSON.parse(row.error) as JobError) : null,
  };
}

/** A job as its acceptance tells of it. */
export function acceptedJob({ id, state, orderingKey, spec }: NewRow, queue: string): ChangedJob {
  const row = { id, state, version: 1, attempt: 0, ordering_key: orderingKey, spec, error: null };
  return changedJob("job.accepted", row, queue);
}
