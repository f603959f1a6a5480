import type { SubmitBody } from "../../../contract/job.ts";
import { MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { conflict, invalid, type Problem, type Result, tooLarge } from "../../../contract/problems.ts";
import { EXPIRY_PAST, readSubmission, type Submission, type SubmissionFault } from "../../../contract/submission.ts";
import { makeJobId } from "../../../domain/job-id.ts";
import { isDivided, type QueueSettings } from "../../../domain/queue.ts";
import { keysClash, partitionOf, slotOf } from "../../../domain/slots.ts";
import { checkTimeout } from "../queues/queue-settings.ts";
import type { AssignedJob } from "../routing/assigned-job.ts";
import type { Draw } from "./randomness.ts";

/** The submission of a body that the schema has let pass, in the trace of its request. Else a 400 or 413 problem. */
export async function submission(
  body: SubmitBody,
  now: number,
  traceparent: string | null = null,
): Promise<Result<Submission>> {
  const read = await readSubmission(body, now);
  if ("code" in read) return problemOf(read);
  return traceparent === null ? read : { ...read, fields: { ...read.fields, traceparent } };
}

/** A 400 or 413 problem. */
export function problemOf({ code, pointer, detail }: SubmissionFault): Problem {
  return code === "payload-too-large" ? tooLarge.payload(MAX_PAYLOAD_BYTES) : invalid.field(pointer, detail);
}

export function expiryPast(): Problem {
  return problemOf(EXPIRY_PAST);
}

/** Randomness and time for one job: `partition` is drawn once for all of a request. */
export interface Assignment {
  partition: number;
  draw: Draw;
  now: number;
  /** Whether the jobs of one request are spread, where today's settings do not decide that. */
  divided?: boolean;
}

/** Gives the job its partition, slot and id by its queue's settings. A 422 problem when these do not allow it. */
export function assignSlot(job: Submission, settings: QueueSettings, where: Assignment): Result<AssignedJob> {
  const { partition: shared, draw, now, divided = isDivided(settings) } = where;
  const { timeoutMs } = job.fields;
  const problem = (timeoutMs === null ? null : checkTimeout(timeoutMs, settings)) ?? checkKeys(job, settings);
  if (problem !== null) return problem;
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
): Problem | null {
  if (!keysClash(keys, partitions)) return null;
  return conflict.of(
    "keys-need-one-partition",
    "Jobs with an orderingKey and a concurrencyKey need a queue of one partition, because each key decides the place.",
    [
      {
        pointer: "/concurrencyKey",
        detail: "concurrencyKey goes with an orderingKey on a queue of one partition only.",
      },
    ],
  );
}
