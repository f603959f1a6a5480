import { HANDLER_NAMES } from "../../../contract/handlers.ts";
import type { RetryView } from "../../../contract/job.ts";
import { MAX_PUSH_TIMEOUT_SECONDS } from "../../../contract/limits.ts";
import type { QueueView } from "../../../contract/queue.ts";
import { tooLong } from "../../../contract/queue-settings.ts";
import { formatTimestamp, msToSeconds } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Rate } from "../../../domain/rate.ts";
import { refusedTarget } from "../../../domain/target-url.ts";
import { invalidField, Refusal } from "../refusal.ts";

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
  if (target.type === "handler" && !HANDLER_NAMES.includes(target.name)) {
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
    throw invalidField("/timeout", `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} unless the target is pull`);
  }
}

/** Refuses (422) a timeout longer than the queue's target can run: a consumer of a Queue has 15 minutes. */
export function checkTimeout(timeoutMs: number, settings: QueueSettings): void {
  if (!tooLong(timeoutMs, settings)) return;
  throw new Refusal("timeout-too-long", `Only a pulled job may take more than ${MAX_PUSH_TIMEOUT_SECONDS} seconds.`, {
    errors: [{ pointer: "/timeout", detail: `must be at most ${MAX_PUSH_TIMEOUT_SECONDS} for this queue` }],
  });
}
