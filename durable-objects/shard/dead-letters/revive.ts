import { MAX_PARTITIONS, MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import type { Revival, Revived, ReviveReply, ReviveRequest } from "../../../contract/rpc.ts";
import { fingerprintOf } from "../../../domain/fingerprint.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import { rankOf, SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import { partitionInSlot } from "../../../domain/slots.ts";
import type { Sql } from "../../sql.ts";
import { LARGE_CHARACTERS } from "../claiming/claim.ts";
import { redrive, unredrivable } from "../jobs/change.ts";
import { discard } from "../jobs/discard.ts";
import { takeSettings } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { type JobRow, type JobSpec, ROW_COLUMNS, type StoredAttempt, toJob } from "../rows.ts";
import type { Turn } from "../turn.ts";

/** A job that came back to be moved, and was not, is history's alone again after this long. */
const KEEP_MOVING_MS = 3_600_000;

/** How long a caller waits before it asks again after a queue that is held for a change. */
const HELD_RETRY_MS = 50;

/**
 * Brings jobs back that history alone still has, each under its own id, and redrives or discards it in the same step:
 * so nothing is ever seen of a job that came back and did not go on, and a call that comes twice finds it held.
 */
export function revive(turn: Turn, sql: Sql, request: ReviveRequest): ReviveReply {
  const queue = takeSettings(turn, request.settings);
  if (queue.settings.version > request.settings.version) return { type: "settings", settings: queue.settings };
  if (queue.heldUntil > turn.now) return { type: "busy", retryAfterMs: HELD_RETRY_MS };
  return { type: "revived", results: request.jobs.map((revival) => reviveOne(turn, sql, { queue, request, revival })) };
}

interface Ask {
  queue: KnownQueue;
  request: ReviveRequest;
  revival: Revival;
}

function reviveOne(turn: Turn, sql: Sql, { queue, request, revival }: Ask): Revived {
  const { job, delayMs } = revival;
  if (sql.all("SELECT 1 AS found FROM jobs WHERE id = ?", job.id).length > 0) return { type: "held" };
  const partition = partitionOf(queue, job) ?? (request.action === "redrive" ? null : anyPartition(queue, job));
  if (partition === null) return { type: "refused", because: "repartitioned" };
  const row = rowOf(queue, job, { partition, movingTo: request.action === "move" ? request.movingTo : undefined });
  const because = request.action === "redrive" ? unredrivable(turn, row) : null;
  if (because !== null) return { type: "refused", because };
  const payload = request.patch === null ? job.payload : mergePatchText(job.payload, request.patch, MAX_PAYLOAD_BYTES);
  if (payload === null) return { type: "too-large" };
  insert(sql, { ...row, payload });
  if (payload.length > LARGE_CHARACTERS) turn.stores.meta.noteLarge();
  if (request.action === "move") turn.log(row, turn.now + KEEP_MOVING_MS);
  else if (request.action === "discard") discard(turn, row);
  else if (redrive(turn, row, delayMs) === null) throw new Error(`${job.id} was ${job.state} and cannot be redriven`);
  const after = turn.stores.jobs.row(job.id);
  return { type: "revived", job: after === null ? null : toJob(after, queue.settings) };
}

function partitionOf({ settings }: KnownQueue, job: Job): number | null {
  const slot = parseJobId(job.id)?.slot ?? -1;
  const { orderingKey, concurrencyKey, dedupKey, idempotencyKey } = job;
  return partitionInSlot(settings, slot, { orderingKey, concurrencyKey, dedupKey, idempotencyKey });
}

/** For a job that comes back only to go: one in its slot, of any number of partitions that the queue may have had. */
function anyPartition({ settings }: KnownQueue, job: Job): number | null {
  const slot = parseJobId(job.id)?.slot ?? -1;
  return partitionInSlot({ ...settings, partitions: MAX_PARTITIONS }, slot, {
    orderingKey: null,
    idempotencyKey: null,
  });
}

/** The row as it was when the job ended, as far as that is known. Its place in line follows from when it was made. */
function rowOf(
  { ref, settings }: KnownQueue,
  job: Job,
  { partition, movingTo }: { partition: number; movingTo: string | undefined },
): JobRow {
  const seq = job.createdAt * SEQUENCE_PER_MS;
  const { retry, tags, idempotencyKey } = job;
  const moving = movingTo === undefined ? {} : { movingTo };
  const spec: JobSpec = { retry, tags, idempotencyKey, ...moving, ...(job.parent ? { parent: job.parent } : {}) };
  const attempts = job.attempts.map((attempt): StoredAttempt => ({ ...attempt, nonce: "" }));
  return {
    id: job.id,
    queue: ref,
    partition,
    seq,
    rank: rankOf(seq, job.priority, settings.priorityAgingMs),
    state: job.state,
    blocked: 0,
    held: 0,
    priority: job.priority,
    ordering_key: job.orderingKey,
    // History written by an earlier version lacks what was added since.
    concurrency_key: job.concurrencyKey ?? null,
    dedup_key: job.dedupKey ?? null,
    fingerprint: job.state === "failed" && job.error !== null ? fingerprintOf(job.error) : null,
    due_at: null,
    version: job.version,
    attempt: job.attempt,
    spent_before: 0,
    lease: null,
    worker: null,
    attempt_at: null,
    attempt_ends_at: null,
    lease_ends_at: null,
    timeout_ms: job.timeoutMs,
    created_at: job.createdAt,
    run_at: job.runAt,
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    expires_at: job.expiresAt,
    spec: JSON.stringify(spec),
    error: job.error === null ? null : JSON.stringify(job.error),
    attempts: JSON.stringify(attempts),
    truncated: 0,
    result: null,
    payload: job.payload,
  };
}

/** As many rows as a submission: itself, and one for each index that it is in. */
function insert(sql: Sql, row: JobRow): void {
  const columns = ROW_COLUMNS.split(",").map((column) => column.trim());
  const places = columns.map(() => "?").join(", ");
  sql.run(
    `INSERT INTO jobs (${columns.join(", ")}) VALUES (${places})`,
    ...columns.map((column) => row[column] ?? null),
  );
}
