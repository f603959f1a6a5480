import type { RetryBody, RetryView } from "../../../contract/job.ts";
import { HANDLER_NAMES, MAX_PUSH_TIMEOUT_SECONDS } from "../../../contract/limits.ts";
import { type QueueBody, type QueueView, queueDefaults } from "../../../contract/queue.ts";
import { formatTimestamp, msToSeconds, secondsToMs } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Rate } from "../../../domain/rate.ts";
import { refusedTarget } from "../../../domain/target-url.ts";
import { invalidField, Refusal } from "../http/refusal.ts";

/** The queue that every namespace has from the start. Version 0: whatever somebody puts is newer. */
export const DEFAULT_QUEUE = "default";

export interface Stamp {
  namespace: string;
  name: string;
  version: number;
  createdAt: number;
  updatedAt: number;
}

/** The settings of a queue put as `body`, complete, in the units used inside. */
export function settingsFrom(body: QueueBody, stamp: Stamp): QueueSettings {
  const full = queueDefaults(body);
  return {
    namespace: stamp.namespace,
    name: stamp.name,
    version: stamp.version,
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
    timeoutMs: secondsToMs(full.timeout),
    retentionMs: secondsToMs(full.retention),
    idempotencyWindowMs: secondsToMs(full.idempotencyWindow),
    consistency: "strong",
    paused: full.paused,
    createdAt: stamp.createdAt,
    updatedAt: stamp.updatedAt,
  };
}

/** `default` as it is until somebody puts it. */
export function implicitDefault(namespace: string): QueueSettings {
  return settingsFrom({}, { namespace, name: DEFAULT_QUEUE, version: 0, createdAt: 0, updatedAt: 0 });
}

export function queueView(settings: QueueSettings): QueueView {
  return {
    name: settings.name,
    target: settings.target,
    partitions: settings.partitions,
    lane: settings.lane,
    concurrency: settings.concurrency,
    rate: rateView(settings.rate),
    perKeyConcurrency: settings.perKeyConcurrency,
    perKeyRate: rateView(settings.perKeyRate),
    weight: settings.weight,
    priorityAging: settings.priorityAgingMs === null ? null : msToSeconds(settings.priorityAgingMs),
    maxBacklog: settings.maxBacklog,
    onFailure: settings.onFailure,
    retry: retryView(settings.retry),
    timeout: msToSeconds(settings.timeoutMs),
    retention: msToSeconds(settings.retentionMs),
    idempotencyWindow: msToSeconds(settings.idempotencyWindowMs),
    consistency: settings.consistency,
    paused: settings.paused,
    version: settings.version,
    createdAt: formatTimestamp(settings.createdAt),
    updatedAt: formatTimestamp(settings.updatedAt),
  };
}

function rateOf(rate: QueueView["rate"]): Rate | null {
  return rate === null ? null : { limit: rate.limit, periodMs: secondsToMs(rate.period) };
}

function rateView(rate: Rate | null): QueueView["rate"] {
  return rate === null ? null : { limit: rate.limit, period: msToSeconds(rate.periodMs) };
}

export function retryView(retry: RetryPolicy): RetryView {
  return {
    maxAttempts: retry.maxAttempts,
    backoff: retry.backoff,
    delay: msToSeconds(retry.delayMs),
    maxDelay: msToSeconds(retry.maxDelayMs),
    jitter: retry.jitter,
  };
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

/** Limits of the whole queue: each partition has its part of them. */
function dividedLimits({ concurrency, rate, maxBacklog }: QueueSettings) {
  const limits = [
    { name: "concurrency", pointer: "/concurrency", limit: concurrency },
    { name: "rate", pointer: "/rate/limit", limit: rate?.limit ?? null },
    { name: "backlog", pointer: "/maxBacklog", limit: maxBacklog },
  ];
  return limits.flatMap(({ limit, ...rest }) => (limit === null ? [] : [{ ...rest, limit }]));
}

/** Refuses (422) settings that are well-formed and cannot work. */
export function checkSettings(settings: QueueSettings, allowPrivateTargets: boolean): void {
  const { target, partitions } = settings;
  const short = dividedLimits(settings).find(({ limit }) => limit < partitions);
  if (short !== undefined) {
    throw new Refusal(
      "limit-below-partitions",
      `A ${short.name} of ${short.limit} cannot be divided over ${partitions} partitions.`,
      { errors: [{ pointer: short.pointer, detail: `must be at least ${partitions}, the number of partitions` }] },
    );
  }
  if (target.type === "handler" && !HANDLER_NAMES.some((name) => name === target.name)) {
    throw new Refusal("handler-not-found", `There is no handler "${target.name}".`, {
      errors: [{ pointer: "/target/name", detail: `must be one of ${HANDLER_NAMES.join(", ")}` }],
    });
  }
  const refused = target.type === "http" && !allowPrivateTargets ? refusedTarget(target.url) : null;
  if (refused !== null) {
    throw new Refusal("target-refused", `The target's URL is not allowed: ${refused}.`, {
      errors: [{ pointer: "/target/url", detail: refused }],
    });
  }
  if (tooLong(settings.timeoutMs, settings)) {
    throw invalidField("/timeout", `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} for a pushed queue`);
  }
}

function tooLong(timeoutMs: number, settings: QueueSettings): boolean {
  return settings.target.type !== "pull" && timeoutMs > MAX_PUSH_TIMEOUT_SECONDS * 1000;
}

/** Refuses (422) a timeout longer than the queue's target can run. */
export function checkTimeout(timeoutMs: number, settings: QueueSettings): void {
  if (!tooLong(timeoutMs, settings)) return;
  throw new Refusal("timeout-too-long", `A pushed job may take ${MAX_PUSH_TIMEOUT_SECONDS} seconds at most.`, {
    errors: [{ pointer: "/timeout", detail: `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} for this queue` }],
  });
}
