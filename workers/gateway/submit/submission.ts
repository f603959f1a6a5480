import type { SubmitBody } from "../../../contract/job.ts";
import type { NewJob, Submitted } from "../../../contract/rpc.ts";
import { EXPIRY_PAST, readSubmission, type Submission, type SubmissionFault } from "../../../contract/submission.ts";
import type { Job } from "../../../domain/job/job.ts";
import { makeJobId } from "../../../domain/job-id.ts";
import { isDivided, type QueueSettings } from "../../../domain/queue.ts";
import { keysClash, partitionOf, slotOf } from "../../../domain/slots.ts";
import { checkTimeout } from "../queues/queue-settings.ts";
import { invalidField, Refusal } from "../refusal.ts";
import type { Draw } from "./randomness.ts";

/** A submission with its place: everything of `NewJob` but the index of its queue. */
export interface AssignedJob {
  slot: number;
  settings: QueueSettings;
  job: Omit<NewJob, "queue">;
}

/** The submission of a body that the schema has let pass. Throws a 400 or 413 refusal. */
export async function submission(body: SubmitBody, now: number): Promise<Submission> {
  const read = await readSubmission(body, now);
  if (!("code" in read)) return read;
  throw faultRefusal(read);
}

function faultRefusal({ code, pointer, detail }: SubmissionFault): Refusal {
  return code === "invalid-request" ? invalidField(pointer, detail) : new Refusal(code, detail);
}

/** The call asked to be refused when an earlier job holds its deduplication key. */
export function duplicateOf(id: string): Refusal {
  return new Refusal("duplicate", `The deduplication key is held by ${id}.`);
}

export function keyUndecided(): Refusal {
  return new Refusal("idempotency-undecided", "A key of the job is held by an atomic batch that is being decided.");
}

export function expiryPast(): Refusal {
  return faultRefusal(EXPIRY_PAST);
}

/** Randomness and time for one job: `partition` is drawn once for all of a request. */
export interface Assignment {
  partition: number;
  draw: Draw;
  now: number;
  /** Whether the jobs of one request are spread, where today's settings do not decide that. */
  divided?: boolean;
}

/** Gives the job its partition, slot and id by its queue's settings. Throws a 422 refusal when these do not allow it. */
export function assignSlot(job: Submission, settings: QueueSettings, where: Assignment): AssignedJob {
  const { partition: shared, draw, now, divided = isDivided(settings) } = where;
  if (job.fields.timeoutMs !== null) checkTimeout(job.fields.timeoutMs, settings);
  checkKeys(job, settings);
  const { orderingKey, concurrencyKey, idempotency, dedup } = job;
  const keys = { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
  const randomness = divided ? draw.random : shared;
  const partition = partitionOf(keys, settings.partitions, randomness);
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
export function jobFromAccepted(assigned: AssignedJob, accepted: Extract<Submitted, { type: "accepted" }>): Job {
  const { job, settings } = assigned;
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
