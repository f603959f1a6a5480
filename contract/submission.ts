import type { QueueSettings } from "../domain/queue.ts";
import { keysClash } from "../domain/slots.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { DedupBody } from "./dedup.ts";
import { sha256Hex } from "./hash.ts";
import type { SubmitBody } from "./job.ts";
import { jsonText, longerThan } from "./json-text.ts";
import {
  DEFAULT_DEDUP_WINDOW_SECONDS,
  DEFAULT_PRIORITY,
  MAX_DELAY_SECONDS,
  MAX_JSON_DEPTH,
  MAX_PAYLOAD_BYTES,
} from "./limits.ts";
import { DEFAULT_QUEUE, partialRetry, tooLong } from "./queue-settings.ts";
import type { Dedup, NewJob, SpawnJob, Unfit } from "./rpc.ts";
import { fieldSentence, formatBytes, formatNumber } from "./sentence.ts";
import { parseTimestamp, secondsToMs } from "./time.ts";

/** What becomes of a job that the schema has let pass: the same for every door, whoever opens it. */

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

/** What is wrong with a job that the schema has let pass. `pointer` is into the job. */
export interface SubmissionFault {
  code: "invalid-request" | "payload-too-large";
  pointer: string;
  detail: string;
}

const RUN_AT_FAR = `runAt is at most ${formatNumber(MAX_DELAY_SECONDS / 86_400)} days ahead.`;

/** A date that is over is no way to run. */
export const EXPIRY_PAST: SubmissionFault = {
  code: "invalid-request",
  pointer: "/expiresAt",
  detail: "expiresAt has to be in the future.",
};

/** The payload of a job that may nest as deep as any body. Not every door is one of JSON: a Queue carries what can be cloned. */
export function payloadText({ payload }: Pick<SubmitBody, "payload">): string | SubmissionFault {
  const json = jsonText(payload, MAX_JSON_DEPTH - 1);
  return json.type === "text"
    ? json.text
    : { code: "invalid-request", pointer: "/payload", detail: fieldSentence("payload", json.detail) };
}

/** Checks what the schema cannot: the clock, the payload's size. Null: nothing is wrong. */
export function submissionFault(
  body: Pick<SubmitBody, "runAt" | "expiresAt" | "idempotencyKey">,
  payload: string,
  now: number,
): SubmissionFault | null {
  if (longerThan(payload, MAX_PAYLOAD_BYTES)) {
    const detail = `The payload may be ${formatBytes(MAX_PAYLOAD_BYTES)} at most.`;
    return { code: "payload-too-large", pointer: "/payload", detail };
  }
  const runAt = timeOf(body.runAt);
  if (runAt !== null && runAt > now + MAX_DELAY_SECONDS * 1000) {
    return { code: "invalid-request", pointer: "/runAt", detail: RUN_AT_FAR };
  }
  const expiresAt = timeOf(body.expiresAt);
  // With a key the shard decides: a replay may come after the first job's `expiresAt`.
  return expiresAt !== null && expiresAt <= now && body.idempotencyKey === undefined ? EXPIRY_PAST : null;
}

/** The job in the words and units used inside, or what is wrong with it. */
export async function readSubmission(body: SubmitBody, now: number): Promise<Submission | SubmissionFault> {
  const payload = payloadText(body);
  if (typeof payload !== "string") return payload;
  const fault = submissionFault(body, payload, now);
  if (fault !== null) return fault;
  return {
    queue: body.queue ?? DEFAULT_QUEUE,
    orderingKey: body.orderingKey ?? null,
    concurrencyKey: body.concurrencyKey ?? null,
    dedup: body.dedup === undefined ? null : dedupOf(body.dedup),
    idempotency: body.idempotencyKey === undefined ? null : await idempotency(body, body.idempotencyKey),
    fields: {
      priority: body.priority ?? DEFAULT_PRIORITY,
      delayMs: body.delay === undefined ? null : secondsToMs(body.delay),
      runAt: timeOf(body.runAt),
      expiresAt: timeOf(body.expiresAt),
      timeoutMs: body.timeout === undefined ? null : secondsToMs(body.timeout),
      retry: body.retry === undefined ? null : partialRetry(body.retry),
      tags: body.tags ?? [],
      payload,
      createdAt: null,
      parent: null,
    },
  };
}

/** A submission as it goes to the shard of the job that brings it. */
export function spawnJobOf({ fields, ...keys }: Submission): SpawnJob {
  const { createdAt: _, parent: __, ...rest } = fields;
  return { ...keys, ...rest };
}

/** Why a queue cannot take a job, or null when it can. Null for the settings: there is no such queue. */
export function unfit(job: Omit<SpawnJob, "payload">, settings: QueueSettings | null): Unfit | null {
  if (settings === null || settings.deleted) return "queue-not-found";
  if (job.timeoutMs !== null && tooLong(job.timeoutMs, settings)) return "timeout-too-long";
  return keysClash(job, settings.partitions) ? "keys-need-one-partition" : null;
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : parseTimestamp(text);
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

/** The queue is part of the key's scope, so naming `default` or leaving it out is the same body. */
async function idempotency(body: SubmitBody, key: string): Promise<{ key: string; hash: string }> {
  const hash = await sha256Hex(canonicalJson({ ...body, idempotencyKey: undefined, queue: undefined }));
  return { key, hash };
}
