import type { SubmitBody } from "../../contract/job.ts";
import { DEFAULT_PRIORITY, MAX_DELAY_SECONDS, MAX_PAYLOAD_BYTES } from "../../contract/limits.ts";
import type { NewJob, Submitted } from "../../contract/rpc.ts";
import { parseTimestamp, secondsToMs } from "../../contract/time.ts";
import type { Job } from "../../domain/job.ts";
import { JOB_ID_RANDOM_BYTES, makeJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { partitionOf, slotOf } from "../../domain/slots.ts";
import { longerThan, sha256Hex } from "./bytes.ts";
import { canonicalJson } from "./canonical-json.ts";
import { checkTimeout, DEFAULT_QUEUE, partialRetry } from "./queue-settings.ts";
import { invalidField, Refusal } from "./refusal.ts";

/** A job as its sender wrote it, checked as far as that goes without knowing its queue. */
export interface Submission {
  queue: string;
  orderingKey: string | null;
  idempotency: { key: string; hash: string } | null;
  fields: Omit<NewJob, "id" | "queue" | "partition" | "orderingKey" | "idempotency">;
}

/** A submission with its place: everything of `NewJob` but the index of its queue. */
export interface Placed {
  slot: number;
  settings: QueueSettings;
  job: Omit<NewJob, "queue">;
}

/** Chance, for one request. `partition` is one draw that all jobs without a key may share. */
export interface Chance {
  partition: number;
  random(): number;
  bytes(count: number): Uint8Array;
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

export function expiryPast(): Refusal {
  return invalidField("/expiresAt", "must be in the future");
}

/** The queue is part of the key's scope, so naming `default` or leaving it out is the same body. */
async function idempotency(body: SubmitBody, key: string): Promise<{ key: string; hash: string }> {
  const hash = await sha256Hex(canonicalJson({ ...body, idempotencyKey: undefined, queue: undefined }));
  return { key, hash };
}

/** Gives the job its partition, slot and id by its queue's settings. Throws a 422 refusal when these do not allow it. */
export function place(job: Submission, settings: QueueSettings, chance: Chance, now: number): Placed {
  if (job.fields.timeoutMs !== null) checkTimeout(job.fields.timeoutMs, settings);
  const keys = { orderingKey: job.orderingKey, idempotencyKey: job.idempotency?.key ?? null };
  // A limit is divided over the partitions, so its jobs are spread; others of one request share a shard and a commit.
  const draw = settings.concurrency === null ? chance.partition : chance.random();
  const partition = partitionOf(keys, settings.partitions, draw);
  const slot = slotOf(settings.namespace, settings.name, partition);
  const id = makeJobId(now, slot, chance.bytes(JOB_ID_RANDOM_BYTES));
  return {
    slot,
    settings,
    job: { id, partition, orderingKey: job.orderingKey, idempotency: job.idempotency, ...job.fields },
  };
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

/** The chance of one request, drawn from the platform's generator: one buffer for up to `jobs` ids. */
export function drawChance(jobs: number): Chance {
  const buffer = crypto.getRandomValues(new Uint8Array(jobs * JOB_ID_RANDOM_BYTES));
  let used = 0;
  return {
    partition: Math.random(),
    random: () => Math.random(),
    bytes(count) {
      if (used + count > buffer.length) {
        // Placed again after settings changed: new ids, so that none is used for two places.
        crypto.getRandomValues(buffer);
        used = 0;
      }
      used += count;
      return buffer.subarray(used - count, used);
    },
  };
}
