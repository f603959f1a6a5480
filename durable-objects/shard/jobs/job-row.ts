import { answersUntil } from "../../../domain/dedup.ts";
import type { Attempt, AttemptWarning, Job, JobError, RetryPolicy } from "../../../domain/job/job.ts";
import type { JobState, RowState } from "../../../domain/job/state.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { SqlRow } from "../../sql.ts";

/** A row of `jobs`, without its long columns. */
export interface JobHead<State extends RowState = JobState> extends SqlRow {
  id: string;
  queue: number;
  partition: number;
  slot: number;
  seq: number;
  rank: number;
  state: State;
  /** Why it may not be claimed though it is due: `BLOCKS` that are set, 0 for none. */
  blocked: number;
  counts_toward_limit: number;
  priority: number;
  ordering_key: string | null;
  concurrency_key: string | null;
  dedup_key: string | null;
  fingerprint: string | null;
  due_at: number | null;
  version: number;
  attempt: number;
  spent_before: number;
  lease: string | null;
  worker: string | null;
  attempt_at: number | null;
  attempt_ends_at: number | null;
  lease_ends_at: number | null;
  timeout_ms: number;
  created_at: number;
  run_at: number;
  started_at: number | null;
  finished_at: number | null;
  expires_at: number | null;
  spec: string;
  error: string | null;
  attempts: string;
  truncated: number;
  /** Deliveries that have spent no attempt. With `attempt` it makes the number of the last delivery: see `deliveryOf`. */
  returned: number;
  begun: number;
  /** `Returns` as JSON; null of a job that never came back without spending an attempt. */
  returns: string | null;
}

/** Values of `begun`: what the worker of the last delivery has said. The first two, which most jobs have, take no byte of the row. */
export const BEGUN = {
  /** It says which jobs it has begun, and has not begun this one. */
  not: 0,
  /** It has begun this one. So has the processor, which begins at once all that it is given. */
  yes: 1,
  /** It has said nothing of this one, nor that it would. */
  unsaid: 2,
  /** It has begun this one, and handed it over to the target of its queue, which reports by itself. */
  handedOver: 3,
} as const;

/** What is remembered of deliveries that have spent no attempt. */
export interface Returns {
  /** How the last delivery came back; left out once an attempt was spent after it. */
  last?: "deferred" | "released" | "unbegun";
  /** How often in a row it came back from workers that had not begun it. */
  unbegun: number;
  /** When it was first deferred since acceptance or the last redrive, epoch ms. */
  since?: number;
  /** The last of those deliveries and the nonces of their claims: their leases are stale, and not unknown. */
  leases: [delivery: number, nonce: string][];
  /** It had ended before and was redriven: history may have it as it was then. Left out: it was not, or before this was noted. */
  redriven?: true;
}

/** The number of a job's last delivery, which its lease carries. */
export function deliveryOf({ attempt, returned }: Pick<JobHead, "attempt" | "returned">): number {
  return attempt + returned;
}

export function returnsOf({ returns }: Pick<JobHead, "returns">): Returns {
  return returns === null ? { unbegun: 0, leases: [] } : (JSON.parse(returns) as Returns);
}

/** Bits of `blocked`. A job may be claimed when none is set. */
export const BLOCKS = {
  /** An earlier job of its ordering key is not final. */
  line: 1,
  /** Its concurrency key has no room. Only queued jobs stand at the gate. */
  gate: 2,
  /** Its ordering key is parked: by a failure, or by hand. Only the first of the line carries it. */
  parked: 4,
  /** It is to run after another job of its deduplication key. */
  after: 8,
} as const;

export interface JobRow<State extends RowState = JobState> extends JobHead<State> {
  result: string | null;
  payload: string;
}

export const HEAD_COLUMNS = `id, queue, partition, slot, seq, rank, state, blocked, counts_toward_limit, priority, ordering_key, concurrency_key,
  dedup_key, fingerprint, due_at, version, attempt, spent_before, lease, worker, attempt_at, attempt_ends_at, lease_ends_at, timeout_ms, created_at, run_at, started_at,
  finished_at, expires_at, spec, error, attempts, truncated, returned, begun, returns`;
export const ROW_COLUMNS = `${HEAD_COLUMNS}, result, payload`;

/** What an executor needs of a row: reading all of it would cost the most common call half as much again. */
export type ItemRow = Pick<
  JobRow,
  "id" | "attempt" | "returned" | "lease" | "payload" | "timeout_ms" | "due_at" | "ordering_key"
> &
  SqlRow & { traceparent: string | null };
export const ITEM_COLUMNS =
  "id, attempt, returned, lease, payload, timeout_ms, due_at, ordering_key, spec ->> '$.traceparent' AS traceparent";

export function isKept(row: JobHead<RowState>): row is JobHead {
  return row.state !== "discarded";
}

/** What a submission fixes for good and no query asks for. */
export interface JobSpec {
  retry: RetryPolicy;
  tags: string[];
  idempotencyKey: string | null;
  /** The job whose success made this one. */
  parent?: string;
  /** How many successes deep it was brought; left out: it was submitted. */
  depth?: number;
  /** The trace of its submission; left out: it had none. */
  traceparent?: string;
  /** When the window of its deduplication key ends, epoch ms. */
  dedupEndsAt?: number;
  /** The call that replaced it last, which may come a second time. */
  replacedByCall?: string;
  /** See `NewJob`. */
  comesAgain?: true;
  /** The queue to which a redrive is taking this failed job: no other redrive may. */
  movingTo?: string;
}

/** An attempt as stored: with its delivery and the nonce of its claim, so that a lease it had is known to be stale and not merely unknown. */
export interface StoredAttempt extends Attempt {
  nonce: string;
  /** Left out where it is the attempt's own number. */
  delivery?: number;
}

/** A job in one of `State`. */
export type JobIn<State> = Omit<Job, "state"> & { state: State };

/** The one mapper from a row to a job. */
export function toJob<State extends RowState>(row: JobRow<State>, settings: QueueSettings): JobIn<State> {
  const spec = JSON.parse(row.spec) as JobSpec;
  const { dedupEndsAt } = spec;
  const { finished_at: finishedAt } = row;
  const answers = dedupEndsAt !== undefined && finishedAt !== null;
  return {
    id: row.id,
    namespace: settings.namespace,
    queue: settings.name,
    ...(settings.incarnation === undefined ? {} : { incarnation: settings.incarnation }),
    state: row.state,
    version: row.version,
    attempt: row.attempt,
    delivery: deliveryOf(row),
    priority: row.priority,
    orderingKey: row.ordering_key,
    concurrencyKey: row.concurrency_key,
    dedupKey: row.dedup_key,
    idempotencyKey: spec.idempotencyKey,
    ...(spec.parent === undefined ? {} : { parent: spec.parent }),
    ...(spec.depth === undefined ? {} : { depth: spec.depth }),
    ...(spec.traceparent === undefined ? {} : { traceparent: spec.traceparent }),
    ...(answers ? { keptUntil: answersUntil(dedupEndsAt, finishedAt, settings.idempotencyWindowMs) } : {}),
    tags: spec.tags,
    timeoutMs: row.timeout_ms,
    retry: spec.retry,
    payload: row.payload,
    result: row.result,
    resultTruncated: row.truncated === 1,
    error: errorOf(row),
    createdAt: row.created_at,
    runAt: row.run_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    expiresAt: row.expires_at,
    leaseExpiresAt: row.state === "running" ? row.due_at : null,
    attempts: attemptsOf(row),
  };
}

/** What is in the spec of a row; nothing where it is no JSON, so that a job that cannot be read can still end. */
export function readableSpec({ spec }: Pick<JobHead<RowState>, "spec">): Partial<JobSpec> {
  try {
    return JSON.parse(spec) as JobSpec;
  } catch {
    return {};
  }
}

/** As `toJob`, of a row that may have columns which are no JSON: the job is shown as if it had nothing there. */
export function toReadableJob(row: JobRow, settings: QueueSettings): JobIn<JobState> {
  try {
    return toJob(row, settings);
  } catch {
    const readable = (json: string | null, or: string) => (json !== null && isJson(json) ? json : or);
    const { spec, attempts, error, payload } = row;
    const noSpec: JobSpec = { retry: settings.retry, tags: [], idempotencyKey: null };
    const texts = {
      spec: readable(spec, JSON.stringify(noSpec)),
      attempts: readable(attempts, "[]"),
      error: error !== null && isJson(error) ? error : null,
      payload: readable(payload, "null"),
    };
    return toJob({ ...row, ...texts }, settings);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The last error. Of a succeeded job the column has the warning of its last attempt. */
export function errorOf({ state, error }: Pick<JobHead<RowState>, "state" | "error">): JobError | null {
  return state === "succeeded" || error === null ? null : (JSON.parse(error) as JobError);
}

/**
 * Attempts that ended without success are stored when they end. The one that runs, succeeded or was cancelled
 * is told by the row itself, which spares the common path a write of JSON.
 */
export function attemptsOf(row: JobHead<RowState>): Attempt[] {
  const stored = row.attempts === "[]" ? [] : (JSON.parse(row.attempts) as StoredAttempt[]);
  const attempts = stored.map(({ nonce: _nonce, delivery: _delivery, ...attempt }) => attempt);
  if (row.attempt > (attempts.at(-1)?.number ?? 0)) {
    const outcome = row.state === "succeeded" || row.state === "cancelled" ? row.state : null;
    attempts.push({
      number: row.attempt,
      startedAt: row.attempt_at ?? row.created_at,
      finishedAt: outcome === null ? null : row.finished_at,
      outcome,
      error: null,
      worker: row.worker,
      ...(row.state !== "succeeded" || row.error === null ? {} : { warning: JSON.parse(row.error) as AttemptWarning }),
    });
  }
  return attempts;
}
