import type { RetryPolicy } from "../domain/job/job.ts";
import type { QueueSettings } from "../domain/queue.ts";
import type { Rate } from "../domain/rate.ts";
import { kindOf } from "../domain/target.ts";
import { DEFERRED_KNOWN_MS } from "./ingest.ts";
import { MAX_PUSH_TIMEOUT_SECONDS } from "./limits.ts";
import { type QueueBody, type QueueView, queueDefaults } from "./queue.ts";
import type { RetryBody, RetryView } from "./retry.ts";
import { secondsToMs } from "./time.ts";

/** A queue's settings as they are kept, out of what was sent: the gateway writes them, and a shard knows `default` without being told. */

/** The queue that every namespace has from the start. Version 0: whatever somebody puts is newer. */
export const DEFAULT_QUEUE = "default";

export interface Stamp {
  namespace: string;
  name: string;
  version: number;
  createdAt: number;
  updatedAt: number;
  /** The settings that these take the place of, those of a deleted queue too. */
  before?: QueueSettings | null;
}

/** The settings of a queue put as `body`, complete, in the units used inside. */
export function settingsFrom(body: QueueBody, stamp: Stamp): QueueSettings {
  const full = queueDefaults(body);
  return {
    namespace: stamp.namespace,
    name: stamp.name,
    version: stamp.version,
    ...incarnationAfter(stamp),
    deleted: false,
    target: full.target,
    partitions: full.partitions,
    lane: full.lane,
    concurrency: full.concurrency,
    rate: rateOf(full.rate),
    perKeyConcurrency: full.perKeyConcurrency,
    perKeyRate: rateOf(full.perKeyRate),
    weight: full.weight,
    priorityAgingMs: full.priorityAging === null ? null : secondsToMs(full.priorityAging),
    maxBacklog: full.maxBacklog,
    onFailure: full.onFailure,
    retry: retryPolicy(full.retry),
    maxDeferralMs: secondsToMs(full.maxDeferral),
    timeoutMs: secondsToMs(full.timeout),
    retentionMs: secondsToMs(full.retention),
    idempotencyWindowMs: secondsToMs(full.idempotencyWindow),
    history: full.history,
    keepPayload: full.keepPayload,
    consistency: full.consistency,
    ...availableBefore(full.consistency, stamp),
    ...partitionsBefore(full.partitions, stamp),
    paused: full.paused,
    createdAt: stamp.createdAt,
    updatedAt: stamp.updatedAt,
  };
}

/** A queue that is made where one of its name was deleted is another one. */
function incarnationAfter({ before, version }: Stamp): Pick<QueueSettings, "incarnation"> {
  if (before === undefined || before === null) return {};
  if (before.deleted) return { incarnation: version };
  return before.incarnation === undefined ? {} : { incarnation: before.incarnation };
}

/** A queue that is no longer `available` remembers until when it was, over deletion and re-creation too. */
function availableBefore(
  consistency: QueueSettings["consistency"],
  { before, updatedAt }: Stamp,
): Pick<QueueSettings, "availableUntil"> {
  if (consistency === "available" || before === undefined || before === null) return {};
  const until = before.consistency === "available" ? updatedAt : before.availableUntil;
  return until === undefined ? {} : { availableUntil: until };
}

/** Whoever changes it more often than this within that time has the oldest forgotten. */
const MAX_EARLIER = 50;

/** A queue remembers how it was divided before, over deletion and re-creation too: jobs of then are found by that. */
function partitionsBefore(partitions: number, { before, updatedAt }: Stamp): Pick<QueueSettings, "earlier"> {
  if (before === undefined || before === null) return {};
  const left = before.partitions === partitions ? [] : [{ partitions: before.partitions, until: updatedAt }];
  const older = (before.earlier ?? []).filter(
    (each) => each.partitions !== left[0]?.partitions && each.until > updatedAt - DEFERRED_KNOWN_MS,
  );
  const earlier = [...left, ...older].slice(0, MAX_EARLIER);
  return earlier.length === 0 ? {} : { earlier };
}

/** `default` as it is until somebody puts it. */
export function implicitDefault(namespace: string): QueueSettings {
  return settingsFrom({}, { namespace, name: DEFAULT_QUEUE, version: 0, createdAt: 0, updatedAt: 0 });
}

/** The fields that were given, in the units used inside. */
export function partialRetry(retry: RetryBody): Partial<RetryPolicy> {
  return {
    ...(retry.maxAttempts === undefined ? {} : { maxAttempts: retry.maxAttempts }),
    ...(retry.backoff === undefined ? {} : { backoff: retry.backoff }),
    ...(retry.delay === undefined ? {} : { delayMs: secondsToMs(retry.delay) }),
    ...(retry.maxDelay === undefined ? {} : { maxDelayMs: secondsToMs(retry.maxDelay) }),
    ...(retry.jitter === undefined ? {} : { jitter: retry.jitter }),
  };
}

function retryPolicy(retry: RetryView): RetryPolicy {
  return {
    maxAttempts: retry.maxAttempts,
    backoff: retry.backoff,
    delayMs: secondsToMs(retry.delay),
    maxDelayMs: secondsToMs(retry.maxDelay),
    jitter: retry.jitter,
  };
}

function rateOf(rate: QueueView["rate"]): Rate | null {
  return rate === null ? null : { limit: rate.limit, periodMs: secondsToMs(rate.period) };
}

/**
 * Whether an attempt of `timeoutMs` is longer than the queue's target can run. An invocation of a Queue's consumer has 15 minutes;
 * who reports by himself is not bound to one.
 */
export function tooLong(timeoutMs: number, { target }: Pick<QueueSettings, "target">): boolean {
  return kindOf(target)?.reportsItself(target) !== true && timeoutMs > MAX_PUSH_TIMEOUT_SECONDS * 1000;
}
