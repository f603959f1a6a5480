import type { DedupBody } from "../../../contract/dedup.ts";
import type { SubmitBody } from "../../../contract/job.ts";
import {
  DEFAULT_DEDUP_WINDOW_SECONDS,
  DEFAULT_PRIORITY,
  MAX_DELAY_SECONDS,
  MAX_PAYLOAD_BYTES,
} from "../../../contract/limits.ts";
import type { Dedup, NewJob, Submitted } from "../../../contract/rpc.ts";
import { parseTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job.ts";
import { makeJobId } from "../../../domain/job-id.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { keysClash, partitionOf, slotOf } from "../../../domain/slots.ts";
import { longerThan, sha256Hex } from "../http/bytes.ts";
import { canonicalJson } from "../http/canonical-json.ts";
import { invalidField, Refusal } from "../http/refusal.ts";
import { checkTimeout, DEFAULT_QUEUE, partialRetry } from "../queues/queue-settings.ts";
import type { Draw } from "./chance.ts";

type Keys = "orderingKey" | "concurrencyKey" | "idempotency" | "dedup";

/** A job as its sender wrote it, checked as far as that goes without knowing its queue. */
export interface Submission {
  queue: string;
  orderingKey: string | null;
  concurrencyKey: string | null;
  idempotency: { key: string; hash: string } | null;
  dedup: Dedup | null;
  fields: Omit<NewJob, "id" | "queue" | "partition" | Keys>;
}

/** A submission with its place: everything of `NewJob` but the index of its queue. */
export interface Placed {
  slot: number;
  settings: QueueSettings;
  job: Omit<NewJob, "queue">;
}

/** Checks what the schema cannot: the clock, the payload's size. Throws a 400 or 413 refusal. */
export async function submission(body: SubmitBody, now: number): Promise<Submission> {
  const payload = JSON.stringify(body.payload);
  if (longerThan(payload, MAX_PAYLOAD_BYTES)) {
    throw new Refusal("payload-too-large", `The payload may be ${MAX_PAYLOAD_BYTES} bytes at most.`);
  }
  const runAt = body.runAt === undefined ? null : parseTimestamp(body.runAt);
  if (runAt !== null && runAt > now + MAX_DELAY_SECONDS * 1000) throw invalidField("/runAt", "must be within a year");
  const expiresAt = body.expiresAt === undefined ? null : parseTimestamp(body.expiresAt);
  // With a key the shard decides: a replay may come after the first job's `expiresAt`.
  if (expiresAt !== null && expiresAt <= now && body.idempotencyKey === undefined) throw expiryPast();
  return {
    queue: body.queue ?? DEFAULT_QUEUE,
    orderingKey: body.orderingKey ?? null,
    concurrencyKey: body.concurrencyKey ?? null,
    dedup: body.dedup === undefined ? null : dedupOf(body.dedup),
    idempotency: body.idempotencyKey === undefined ? null : await idempotency(body, body.idempotencyKey),
    fields: {
      priority: body.priority ?? DEFAULT_PRIORITY,
      delayMs: body.delay === undefined ? null : secondsToMs(body.delay),
      runAt,
      expiresAt,
      timeoutMs: body.timeout === undefined ? null : secondsToMs(body.timeout),
      retry: body.retry === undefined ? null : partialRetry(body.retry),
      tags: body.tags ?? [],
      payload,
    },
  };
}

/** A key whose window is left out answers for a day, as an idempotency key does by default. */
function dedupOf({ key, window, onConflict, maxDelay }: DedupBody): Dedup {
  return {
    key,
    windowMs: window === "forever" ? null : secondsToMs(window ?? DEFAULT_DEDUP_WINDOW_SECONDS),
    onConflict: onConflict ?? "return",
    maxDelayMs: maxDelay === undefined ? null : secondsToMs(maxDelay),
  };
}

/** The call asked to be refused when an earlier job holds its deduplication key. */
export function duplicateOf(id: string): Refusal {
  return new Refusal("duplicate", `The deduplication key is held by ${id}.`);
}

export function keyUndecided(): Refusal {
  return new Refusal("idempotency-undecided", "A key of the job is held by an atomic batch that is being decided.");
}

export function expiryPast(): Refusal {
  return invalidField("/expiresAt", "must be in the future");
}

/** The queue is part of the key's scope, so naming `default` or leaving it out is the same body. */
async function idempotency(body: SubmitBody, key: string): Promise<{ key: string; hash: string }> {
  const hash = await sha256Hex(canonicalJson({ ...body, idempotencyKey: undefined, queue: undefined }));
  return { key, hash };
}

/** Chance and time for one job: `partition` is drawn once for all of a request. */
export interface Place {
  partition: number;
  draw: Draw;
  now: number;
}

/** Gives the job its partition, slot and id by its queue's settings. Throws a 422 refusal when these do not allow it. */
export function place(job: Submission, settings: QueueSettings, { partition: shared, draw, now }: Place): Placed {
  if (job.fields.timeoutMs !== null) checkTimeout(job.fields.timeoutMs, settings);
  checkKeys(job, settings);
  const { orderingKey, concurrencyKey, idempotency, dedup } = job;
  const keys = { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
  // A limit is divided over the partitions, so its jobs are spread; others of one request share a shard and a commit.
  const divided = settings.concurrency !== null || settings.rate !== null || settings.maxBacklog !== null;
  const chance = divided ? draw.random : shared;
  const partition = partitionOf(keys, settings.partitions, chance);
  const slot = slotOf(settings.namespace, settings.name, partition);
  const id = makeJobId(now, slot, draw.bytes);
  return {
    slot,
    settings,
    job: { id, partition, orderingKey, concurrencyKey, idempotency, dedup, ...job.fields },
  };
}

/** Also where the queue limits no keys yet: a limit that is set later has to find all jobs of a key in one place. */
export function checkKeys(
  keys: Pick<Submission, "orderingKey" | "concurrencyKey">,
  { partitions }: QueueSettings,
): void {
  if (!keysClash(keys, partitions)) return;
  throw new Refusal(
    "keys-need-one-partition",
    "Jobs with an orderingKey and a concurrencyKey need a queue of one partition, because each key decides the place.",
    { errors: [{ pointer: "/concurrencyKey", detail: "goes with an orderingKey on a queue of one partition only" }] },
  );
}

/** The job as the shard has just written it: what was sent, and what the shard answered. */
export function jobFromAccepted(placed: Placed, accepted: Extract<Submitted, { type: "accepted" }>): Job {
  const { job, settings } = placed;
  return {
    id: job.id,
    namespace: settings.namespace,
    queue: settings.name,
    state: accepted.state,
    version: 1,
    attempt: 0,
    priority: job.priority,
    orderingKey: job.orderingKey,
    concurrencyKey: job.concurrencyKey,
    dedupKey: job.dedup?.key ?? null,
    idempotencyKey: job.idempotency?.key ?? null,
    tags: job.tags,
    timeoutMs: job.timeoutMs ?? settings.timeoutMs,
    retry: { ...settings.retry, ...job.retry },
    payload: job.payload,
    result: null,
    resultTruncated: false,
    error: null,
    createdAt: accepted.createdAt,
    runAt: accepted.runAt,
    startedAt: null,
    finishedAt: null,
    expiresAt: job.expiresAt,
    leaseExpiresAt: null,
    attempts: [],
  };
}
