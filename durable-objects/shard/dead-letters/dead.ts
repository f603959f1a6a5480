import type {
  BuryRequest,
  DeadFilter,
  DeadJobsRequest,
  DeadReply,
  DeadWalk,
  DiscardReply,
} from "../../../contract/rpc.ts";
import { fingerprintOf } from "../../../domain/fingerprint.ts";
import type { Job, JobError } from "../../../domain/job/job.ts";
import type { Sql } from "../../sql.ts";
import { unredrivable } from "../jobs/change.ts";
import { discard } from "../jobs/discard.ts";
import { HEAD_COLUMNS, type JobHead, type JobSpec, toJob } from "../rows.ts";
import type { Stores, Turn } from "../turn.ts";

/** Rows looked at in one step of a walk. */
const WALK_PER_STEP = 200;
/** A page of whole jobs is closed at this many characters, so that it fits in one RPC (32 MiB). */
const PAGE_CHARACTERS = 4 * 1024 * 1024;

/** One step of a walk: the failed jobs that match, and where the next step goes on; null when nothing is left. */
export interface DeadPage {
  rows: JobHead[];
  next: string | null;
}

/** Looks at the next dead jobs of a queue. */
export function walkDead(stores: Stores, sql: Sql, request: DeadWalk): DeadPage {
  const queue = stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { rows: [], next: null };
  const limit = Math.min(request.limit, WALK_PER_STEP);
  const rows = sql.all<JobHead>(
    `SELECT ${HEAD_COLUMNS} FROM jobs INDEXED BY jobs_dead
     WHERE queue = ? AND id > ? AND state IN ('failed', 'cancelled') ORDER BY id LIMIT +?`,
    queue.ref,
    request.after ?? "",
    limit,
  );
  return {
    rows: rows.filter((row) => row.state === "failed" && matches(row, request.filter)),
    next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
  };
}

/**
 * Failed jobs that match, whole, for a caller that takes them elsewhere: in the order in which they were accepted, which
 * is not that of their ids where many were made in one millisecond. Keeps them for that move, if there is to be one.
 */
export function deadJobs({ stores }: Turn, sql: Sql, request: DeadJobsRequest): DeadReply {
  const page = walkDead(stores, sql, request);
  const movingTo = request.movingTo ?? null;
  const jobs: { seq: number; job: Job }[] = [];
  let { next } = page;
  let characters = 0;
  for (const { id, queue, seq } of page.rows) {
    const row = stores.jobs.row(id);
    if (row === null || (movingTo !== null && !keptFor(stores, row, movingTo))) continue;
    jobs.push({ seq, job: toJob(row, stores.queues.get(queue).settings) });
    characters += row.payload.length;
    if (characters <= PAGE_CHARACTERS) continue;
    next = id;
    break;
  }
  return { jobs: jobs.toSorted((a, b) => a.seq - b.seq).map(({ job }) => job), next };
}

/** Keeps a failed job for its move to `queue`; false when it is kept for another. */
function keptFor({ jobs }: Stores, row: JobHead, queue: string): boolean {
  const spec = JSON.parse(row.spec) as JobSpec;
  if (spec.movingTo === undefined) jobs.setSpec(row.id, JSON.stringify({ ...spec, movingTo: queue }));
  return spec.movingTo === undefined || spec.movingTo === queue;
}

/** Discards failed jobs that match, a bounded number. */
export function discardFailed(turn: Turn, sql: Sql, request: DeadWalk): DiscardReply {
  const { rows, next } = walkDead(turn.stores, sql, request);
  // What is on its way to another queue may run there already.
  const left = rows.filter((row) => unredrivable(turn, row) !== "moving");
  for (const row of left) discard(turn, row);
  return { discarded: left.length, next };
}

/** Discards failed jobs that were taken elsewhere, each unless it has changed since, and lets go of those that were not. */
export function bury(turn: Turn, request: BuryRequest): void {
  for (const id of request.released ?? []) {
    const row = turn.stores.jobs.head(id);
    if (row === null || turn.stores.queues.get(row.queue).settings.namespace !== request.namespace) continue;
    const { movingTo: _, ...spec } = JSON.parse(row.spec) as JobSpec;
    turn.stores.jobs.setSpec(id, JSON.stringify(spec));
  }
  for (const [id, version] of request.jobs) {
    const row = turn.stores.jobs.head(id);
    if (row === null || row.version !== version || row.state !== "failed") continue;
    if (turn.stores.queues.get(row.queue).settings.namespace === request.namespace) discard(turn, row);
  }
}

function matches(row: JobHead, filter: DeadFilter): boolean {
  const { errorCode, fingerprint, orderingKey, tag } = filter;
  if (!isWithin(row.finished_at ?? 0, filter.finishedAfter, filter.finishedBefore)) return false;
  if (!isWithin(row.created_at, filter.createdAfter, filter.createdBefore)) return false;
  if ((orderingKey ?? null) !== null && row.ordering_key !== orderingKey) return false;
  if (errorCode !== null && errorOf(row)?.code !== errorCode) return false;
  if ((fingerprint ?? null) !== null && kindOf(row) !== fingerprint) return false;
  return tag === null || (JSON.parse(row.spec) as JobSpec).tags.includes(tag);
}

function isWithin(at: number, after: number | null | undefined, before: number | null | undefined): boolean {
  return at > (after ?? Number.NEGATIVE_INFINITY) && at < (before ?? Number.POSITIVE_INFINITY);
}

/** The kind of a failure. Jobs that failed under an earlier version of Dure have none written down. */
export function kindOf(row: Pick<JobHead, "fingerprint" | "error">): string | null {
  if (row.fingerprint !== null) return row.fingerprint;
  const error = errorOf(row);
  return error === null ? null : fingerprintOf(error);
}

/** The error a job ended with; null when it has none. */
export function errorOf({ error }: Pick<JobHead, "error">): JobError | null {
  return error === null ? null : (JSON.parse(error) as JobError);
}
