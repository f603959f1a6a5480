import type { RetryView } from "../../../contract/job.ts";
import { HANDLER_NAMES, MAX_PUSH_TIMEOUT_SECONDS } from "../../../contract/limits.ts";
import { conflict, invalid, type Problem } from "../../../contract/problems.ts";
import type { QueueView } from "../../../contract/queue.ts";
import { tooLong } from "../../../contract/queue-settings.ts";
import { formatTimestamp, msToSeconds } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Rate } from "../../../domain/rate.ts";
import { refusedTarget } from "../../../domain/target-url.ts";

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

/** Limits of the whole queue: each partition has its part of them. */
function dividedLimits({ concurrency, rate, maxBacklog }: QueueSettings) {
  const limits = [
    { name: "concurrency", pointer: "/concurrency", limit: concurrency },
    { name: "rate", pointer: "/rate/limit", limit: rate?.limit ?? null },
    { name: "backlog", pointer: "/maxBacklog", limit: maxBacklog },
  ];
  return limits.flatMap(({ limit, ...rest }) => (limit === null ? [] : [{ ...rest, limit }]));
}

/** Why settings that are well-formed cannot work (422); null where they can. */
export function checkSettings(settings: QueueSettings, allowPrivateTargets: boolean): Problem | null {
  const { target, partitions } = settings;
  const short = dividedLimits(settings).find(({ limit }) => limit < partitions);
  if (short !== undefined) {
    const detail = `A ${short.name} of ${short.limit} cannot be divided over ${partitions} partitions.`;
    const fault = `must be at least ${partitions}, the number of partitions`;
    return conflict.of("limit-below-partitions", detail, [{ pointer: short.pointer, detail: fault }]);
  }
  if (target.type === "handler" && !HANDLER_NAMES.some((name) => name === target.name)) {
    return conflict.of("handler-not-found", `There is no handler "${target.name}".`, [
      { pointer: "/target/name", detail: `must be one of ${HANDLER_NAMES.join(", ")}` },
    ]);
  }
  const refused = target.type === "http" && !allowPrivateTargets ? refusedTarget(target.url) : null;
  if (refused !== null) {
    return conflict.of("target-refused", `The target's URL is not allowed: ${refused}.`, [
      { pointer: "/target/url", detail: refused },
    ]);
  }
  return tooLong(settings.timeoutMs, settings)
    ? invalid.field("/timeout", `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} unless the target is pull`)
    : null;
}

/** A timeout longer than the queue's target can run is a problem (422): a consumer of a Queue has 15 minutes. */
export function checkTimeout(timeoutMs: number, settings: QueueSettings): Problem | null {
  if (!tooLong(timeoutMs, settings)) return null;
  const detail = `Only a pulled job may take more than ${MAX_PUSH_TIMEOUT_SECONDS} seconds.`;
  const fault = `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} for this queue`;
  return conflict.of("timeout-too-long", detail, [{ pointer: "/timeout", detail: fault }]);
}
