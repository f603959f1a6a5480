import type { NewJob } from "../../../contract/rpc.ts";
import { FOREVER_MS } from "../../../domain/dedup.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { slotOf } from "../../../domain/slots.ts";
import type { DedupKey } from "../flow/dedup-store.ts";
import type { GateKey } from "../flow/flow-store.ts";
import type { Line } from "../flow/parked-store.ts";
import type { IdempotencyKey } from "../jobs/idempotency-store.ts";
import type { JobSpec } from "../jobs/job-row.ts";
import type { KnownQueue } from "../queues/known-queue.ts";

/** The names under which rows of its keys are found, of a job that has just come: all in the slot of its partition. */

/** The slot in the job's id, and that of its keys. */
export function slotOfNew({ settings }: KnownQueue, { partition }: Pick<NewJob, "partition">): number {
  return slotOf(settings.namespace, settings.name, partition);
}

/** Throws when it has no deduplication key. */
export function dedupKeyOfNew(queue: KnownQueue, job: NewJob): DedupKey {
  if (job.dedup === null) throw new Error(`${job.id} has no deduplication key`);
  return { slot: slotOfNew(queue, job), queue: queue.ref, scope: dedupScope(job), key: job.dedup.key };
}

export function idempotencyKeyOfNew(queue: KnownQueue, job: NewJob, key: string): IdempotencyKey {
  const { orderingKey, concurrencyKey, dedup } = job;
  const scope = idempotencyScope({ orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null });
  return { slot: slotOfNew(queue, job), queue: queue.ref, scope, key };
}

/** Null without a concurrency key. */
export function gateOfNew(queue: KnownQueue, job: NewJob): GateKey | null {
  const { concurrencyKey: key } = job;
  return key === null ? null : { slot: slotOfNew(queue, job), queue: queue.ref, key };
}

/** Null without an ordering key. */
export function lineOfNew(queue: KnownQueue, job: NewJob): Line | null {
  const { orderingKey: key } = job;
  return key === null ? null : { slot: slotOfNew(queue, job), queue: queue.ref, key };
}

const plainSpecs = new WeakMap<QueueSettings, string>();

/** The JSON of `JobSpec`. Most jobs bring no retry, tags, key or trace of their own: their text is made once for each version of the settings. */
export function specOf(settings: QueueSettings, job: NewJob, now: number): string {
  const keyed = job.idempotency !== null || job.dedup !== null;
  const traced = job.traceparent === undefined ? {} : { traceparent: job.traceparent };
  const brought = job.parent !== null || job.depth !== undefined;
  const plain =
    job.retry === null &&
    job.tags.length === 0 &&
    !keyed &&
    !brought &&
    job.traceparent === undefined &&
    job.comesAgain === undefined;
  const known = plain ? plainSpecs.get(settings) : undefined;
  if (known !== undefined) return known;
  const retry = { ...settings.retry, ...job.retry };
  const dedup = job.dedup === null ? {} : { dedupEndsAt: now + (job.dedup.windowMs ?? FOREVER_MS) };
  const parent = { ...(job.parent === null ? {} : { parent: job.parent }), ...(job.depth ? { depth: job.depth } : {}) };
  const spec: JobSpec = {
    retry,
    tags: job.tags,
    idempotencyKey: job.idempotency?.key ?? null,
    ...parent,
    ...dedup,
    ...traced,
    ...(job.comesAgain ? { comesAgain: true } : {}),
  };
  const text = JSON.stringify(spec);
  if (plain) plainSpecs.set(settings, text);
  return text;
}
