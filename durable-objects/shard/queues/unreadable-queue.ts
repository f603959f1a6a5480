import { DEFAULT_RETRY } from "../../../contract/limits.ts";
import { DEFAULT_PRIORITY_AGING_MS, type QueueSettings } from "../../../domain/queue.ts";

/** What is known of a queue whose settings cannot be read. */
export interface QueueName {
  namespace: string;
  name: string;
  incarnation: number;
}

const HOUR_MS = 3_600_000;

/** Before any that is sent: the queue `default` has the version 0 until somebody configures it. */
const BEFORE_ALL = -1;

/**
 * Settings for a queue whose own cannot be read, until they are sent again: it is paused, because nobody knows its limits, and
 * what runs goes on. Whichever settings are sent are newer.
 */
export function standInFor({ namespace, name, incarnation }: QueueName): QueueSettings {
  return {
    namespace,
    name,
    ...(incarnation === 0 ? {} : { incarnation }),
    version: BEFORE_ALL,
    deleted: false,
    target: { type: "pull" },
    partitions: 1,
    lane: "default",
    concurrency: null,
    rate: null,
    perKeyConcurrency: null,
    perKeyRate: null,
    weight: 1,
    priorityAgingMs: DEFAULT_PRIORITY_AGING_MS,
    maxBacklog: null,
    onFailure: "continue",
    retry: toPolicy(),
    timeoutMs: HOUR_MS,
    retentionMs: 7 * 24 * HOUR_MS,
    idempotencyWindowMs: 24 * HOUR_MS,
    consistency: "strong",
    paused: true,
    createdAt: 0,
    updatedAt: 0,
  };
}

function toPolicy(): QueueSettings["retry"] {
  const { maxAttempts, backoff, delay, maxDelay, jitter } = DEFAULT_RETRY;
  return { maxAttempts, backoff, delayMs: delay * 1000, maxDelayMs: maxDelay * 1000, jitter };
}

/** Whether nobody knows what the settings of the queue are. */
export function isStandIn({ version }: QueueSettings): boolean {
  return version === BEFORE_ALL;
}
