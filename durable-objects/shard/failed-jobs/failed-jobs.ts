import type {
  DeadFilter,
  DiscardMovedRequest,
  DiscardReply,
  FailedJobsReply,
  FailedJobsRequest,
  FailedJobsWalk,
} from "../../../contract/rpc.ts";
import type { Job, JobError } from "../../../domain/job/job.ts";
import { HEAD_COLUMNS, type JobHead, type JobSpec, toJob } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { JOB_TABLE } from "../jobs/row-store.ts";
import type { Parts } from "../kernel/part.ts";
import { readable, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { discard } from "../lifecycle/discard.ts";
import { unredrivable } from "../lifecycle/redrive.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** Rows looked at in one step of a walk. */
const WALK_PER_STEP = 200;
/** A page of whole jobs is closed at this many characters, so that it fits in one RPC (32 MiB). */
const PAGE_CHARACTERS = 4 * 1024 * 1024;

/** One step of a walk: the failed jobs that match, and where the next step goes on; null when nothing is left. */
export interface FailedJobsPage {
  rows: JobHead[];
  next: string | null;
}

/** Looks at the next dead jobs of a queue. */
export function walkFailed(step: Step, request: FailedJobsWalk): FailedJobsPage {
  const queue = step.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return { rows: [], next: null };
  const limit = Math.min(request.limit, WALK_PER_STEP);
  const rows = step.sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_dead
     WHERE queue = ? AND id > ? AND state IN ('failed', 'cancelled') ORDER BY id LIMIT +?`,
    queue.ref,
    request.after ?? "",
    limit,
  );
  return {
    rows: rows.filter((row) => row.state === "failed" && isJobReadable(step, row, () => matches(row, request.filter))),
    next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
  };
}

/**
 * Failed jobs that match, whole, for a caller that moves them to another queue: in the order in which they were
 * accepted, which is not that of their ids where many were made in one millisecond. Keeps them for that move, if there
 * is to be one.
 */
export function failedJobs(step: Step, request: FailedJobsRequest): FailedJobsReply {
  const page = walkFailed(step, request);
  const { movingTo } = request;
  const jobs: { seq: number; job: Job }[] = [];
  let { next } = page;
  let characters = 0;
  for (const { id, queue, seq } of page.rows) {
    const row = step.get(JOBS).row(id);
    const name = { kind: EACH_JOB.kind, key: id };
    const make = () => (row === null ? null : toJob(row, step.get(QUEUES).get(queue).settings));
    const job = readable(step, name, { now: step.now, make });
    if (row === null || job === null || (movingTo !== null && !keptFor(step, row, movingTo))) continue;
    jobs.push({ seq, job });
    characters += row.payload.length + (row.result?.length ?? 0) + row.attempts.length;
    if (characters <= PAGE_CHARACTERS) continue;
    next = id;
    break;
  }
  return { jobs: jobs.toSorted((a, b) => a.seq - b.seq).map(({ job }) => job), next };
}

/** Keeps a failed job for its move to `queue`; false when it is kept for another. */
function keptFor(parts: Parts, row: JobHead, queue: string): boolean {
  const spec = JSON.parse(row.spec) as JobSpec;
  if (spec.movingTo === undefined) parts.get(JOB_TABLE).setSpec(row.id, JSON.stringify({ ...spec, movingTo: queue }));
  return spec.movingTo === undefined || spec.movingTo === queue;
}

/** Discards failed jobs that match, a bounded number. */
export function discardFailed(step: Step, request: FailedJobsWalk): DiscardReply {
  const { rows, next } = walkFailed(step, request);
  // What is on its way to another queue may run there already.
  const left = rows.filter((row) => unredrivable(step, row) !== "moving");
  return { discarded: walk(step, EACH_JOB, { rows: left, each: (row) => discard(step, row) }), next };
}

/**
 * Discards failed jobs that were moved to another queue, each unless it has changed since, and lets go of those that
 * were not.
 */
export function discardMoved(step: Step, request: DiscardMovedRequest): null {
  for (const id of request.released) {
    const row = step.get(JOBS).head(id);
    if (row === null || step.get(QUEUES).get(row.queue).settings.namespace !== request.namespace) continue;
    const { movingTo: _, ...spec } = JSON.parse(row.spec) as JobSpec;
    step.get(JOB_TABLE).setSpec(id, JSON.stringify(spec));
  }
  for (const { id, version } of request.jobs) {
    const row = step.get(JOBS).head(id);
    if (row === null || row.version !== version || row.state !== "failed") continue;
    if (step.get(QUEUES).get(row.queue).settings.namespace === request.namespace) discard(step, row);
  }
  return null;
}

/** What `of` says of a job; false when it throws over it, which sets the job aside. */
export function isJobReadable(step: Step, { id }: Pick<JobHead, "id">, of: () => boolean): boolean {
  return readable(step, { kind: EACH_JOB.kind, key: id }, { now: step.now, make: of }) ?? false;
}

function matches(row: JobHead, filter: DeadFilter): boolean {
  const { errorCode, fingerprint, orderingKey, tag } = filter;
  if (!isWithin(row.finished_at ?? 0, filter.finishedAfter, filter.finishedBefore)) return false;
  if (!isWithin(row.created_at, filter.createdAfter, filter.createdBefore)) return false;
  if (orderingKey !== null && row.ordering_key !== orderingKey) return false;
  if (errorCode !== null && errorOf(row)?.code !== errorCode) return false;
  if (fingerprint !== null && row.fingerprint !== fingerprint) return false;
  return tag === null || (JSON.parse(row.spec) as JobSpec).tags.includes(tag);
}

function isWithin(at: number, after: number | null, before: number | null): boolean {
  return at > (after ?? Number.NEGATIVE_INFINITY) && at < (before ?? Number.POSITIVE_INFINITY);
}

/** The error a job ended with; null when it has none. */
export function errorOf({ error }: Pick<JobHead, "error">): JobError | null {
  return error === null ? null : (JSON.parse(error) as JobError);
}
