import type { ExistingIdsReply, JobKeys, ReleaseKeysRequest } from "../../../contract/rpc.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";
import { incarnationOf } from "../../../domain/queue.ts";
import { DEDUP } from "../flow/dedup-store.ts";
import { releaseDecided } from "../flow/ordering-keys.ts";
import { appendToLog, noteOvertaken } from "../jobs/history.ts";
import { IDEMPOTENCY } from "../jobs/idempotency-store.ts";
import type { JobHead, JobSpec } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { KEEP_AT_LEAST_MS } from "../jobs/kept-until.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import { discardRow } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";

/**
 * Deletes a final job for its users. The row stays for a while, emptied and one version newer, as a tombstone: it hides
 * history's copy, goes to history through the log like any change, and there takes that copy's place. No read of the
 * shard finds it, a report under any of its leases is stale, and its keys are free. Throws when the job is not final.
 */
export function discard(step: Step, row: JobHead): void {
  const spec = JSON.parse(row.spec) as JobSpec;
  if (row.state === "failed") releaseDecided(step, row);
  const { id, slot, ordering_key: orderingKey, concurrency_key: concurrencyKey, dedup_key: dedupKey } = row;
  const { idempotencyKey } = spec;
  releaseKeysOf(step, row.queue, { id, orderingKey, concurrencyKey, dedupKey, idempotencyKey });
  noteOvertaken(step, row);
  discardRow(step, row, emptySpec(spec));
  step.get(PROGRESS).forget(step, [id]);
  const tombstone = { id, slot, queue: row.queue, version: row.version + 1, succeeded: false };
  appendToLog(step, tombstone, step.now + KEEP_AT_LEAST_MS);
}

function emptySpec({ retry }: JobSpec): string {
  const spec: JobSpec = { retry, tags: [], idempotencyKey: null };
  return JSON.stringify(spec);
}

/**
 * Forgets the keys of those jobs that the shard does not have, which are history's alone. Answers the ids of those that it
 * has: of these it forgets nothing.
 */
export function releaseKeys(step: Step, { namespace, jobs }: ReleaseKeysRequest): ExistingIdsReply {
  const existing = step.get(JOBS).existing(jobs.map(({ id }) => id));
  const kept = new Set(existing);
  for (const job of jobs) {
    const queue = kept.has(job.id) ? null : step.get(QUEUES).find(namespace, job.queue);
    // Under the keys of an earlier queue of the name nobody submits any more.
    if (queue !== null && incarnationOf(queue.settings) === incarnationOf(job)) releaseKeysOf(step, queue.ref, job);
  }
  return { type: "existing", ids: existing };
}

/** Forgets the keys that answer with a job of the queue `ref`. */
function releaseKeysOf(step: Step, ref: number, job: JobKeys): void {
  const slot = slotOfJob(job.id);
  const { id, idempotencyKey, dedupKey } = job;
  if (idempotencyKey !== null) {
    const key = { slot, queue: ref, scope: idempotencyScope(job), key: idempotencyKey };
    step.get(IDEMPOTENCY).release(key, id);
  }
  if (dedupKey !== null) step.get(DEDUP).release({ slot, queue: ref, scope: dedupScope(job), key: dedupKey }, id);
}
