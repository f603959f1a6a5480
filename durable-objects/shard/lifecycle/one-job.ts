import type {
  Absent,
  Busy,
  ChangeReply,
  ExplainReply,
  GetRequest,
  JobReply,
  JobRequest,
  Unredrivable,
} from "../../../contract/rpc.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { explain } from "../flow/explain.ts";
import { finalKey } from "../jobs/history.ts";
import { type JobHead, toJob, toReadableJob } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import type { Awaited, Waiting } from "../kernel/long-poll.ts";
import { OWNERSHIP, slotsOfJobs } from "../kernel/ownership.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { cancel } from "./cancel.ts";
import { cannotReturn, redrive, unredrivable } from "./redrive.ts";

/** Calls about one job, named by its id. A job of another namespace is none. */

/** How long a caller waits before it asks again after a job whose batch is not decided, milliseconds. */
export const UNDECIDED_RETRY_MS = 50;

type Named = Pick<JobRequest, "namespace" | "id">;
type Here<Reply> = Exclude<Reply, { type: "moved" }>;

export function getJob(parts: Parts, request: GetRequest): Here<JobReply> {
  const row = parts.get(JOBS).row(request.id);
  const settings = row === null ? null : parts.get(QUEUES).get(row.queue).settings;
  if (row === null || settings === null || settings.namespace !== request.namespace) return absent(parts, request);
  return { type: "job", job: parts.get(PROGRESS).tell(toJob(row, settings)) };
}

export function explainJob(parts: Parts, request: JobRequest, now: number): Here<ExplainReply> {
  const row = visibleHead(parts, request);
  if (row === null) return absent(parts, request);
  return { type: "explained", explanation: explain(parts, row, now) };
}

export function cancelJob(step: Step, request: JobRequest): Here<ChangeReply> {
  // That it ends does not hang on whether it can be read.
  return changeOne(step, request, { change: cancel, why: unredrivable, view: toReadableJob });
}

/** Redrives a job by hand. */
export function retryJob(step: Step, request: JobRequest): Here<ChangeReply> {
  return changeOne(step, request, {
    change: (scratch, row) => redrive(scratch, row, 0),
    why: cannotReturn,
    view: toJob,
  });
}

interface OneChange {
  /** Null: it cannot be changed. */
  change: (step: Step, row: JobHead) => JobHead | null;
  /** Why it cannot be. */
  why: (step: Step, row: JobHead) => Unredrivable | null;
  view: typeof toReadableJob;
}

function changeOne(step: Step, request: JobRequest, { change, why, view }: OneChange): Here<ChangeReply> {
  const row = visibleHead(step, request);
  if (row === null) return absent(step, request);
  const changed = change(step, row) !== null;
  const after = step.get(JOBS).row(request.id);
  if (after === null) throw new Error(`${request.id} vanished within a step`);
  const job = step.get(PROGRESS).tell(view(after, step.get(QUEUES).get(row.queue).settings));
  return changed ? { type: "job", job } : { type: "conflict", job, because: why(step, row) };
}

/** The job that a call names; null where its namespace has none. */
export function visibleHead(parts: Parts, { id, namespace }: Named): JobHead | null {
  const row = parts.get(JOBS).head(id);
  return row === null || parts.get(QUEUES).get(row.queue).settings.namespace !== namespace ? null : row;
}

/** There is no job by that name; unless the batch that brings it commits, which whoever asks has to wait for. */
export function absent(parts: Parts, { namespace, id }: JobRequest): Absent | Busy {
  const undecided = parts.get(RESERVATIONS).of(id);
  if (undecided !== null && parts.get(QUEUES).get(undecided.queue).settings.namespace === namespace) {
    return { type: "busy", retryAfterMs: UNDECIDED_RETRY_MS };
  }
  return { type: parts.get(JOBS).discarded(id) === null ? "none" : "gone" };
}

/** Whether a read waits until its job is final: what it waits for, or null when the answer stands. */
export function untilFinal(request: GetRequest, result: JobReply, elapsedMs: number): Waiting | null {
  if (result.type !== "job" || isFinal(result.job.state)) return null;
  return { ...endAwaited(request), ms: request.waitMs - elapsedMs };
}

/** What those are woken by who wait for the end of a job. */
export function endAwaited({ namespace, id }: Named): Awaited {
  return { key: finalKey(id), group: namespace };
}

/** Whether there is nothing to wait for: the job has ended, or is none of this shard's. */
export function hasEnded(shard: Parts, job: Named): boolean {
  if (shard.get(OWNERSHIP).refusal(slotsOfJobs([job.id])) !== null) return true;
  const row = visibleHead(shard, job);
  return row === null || isFinal(row.state);
}
