import { MAX_PUSH_TIMEOUT_SECONDS } from "../../../contract/limits.ts";
import { conflict, invalid, type Problem } from "../../../contract/problems.ts";
import type { QueueSettingsView, QueueView } from "../../../contract/queue.ts";
import { tooLong } from "../../../contract/queue-settings.ts";
import { formatNumber } from "../../../contract/sentence.ts";
import { LONG_TARGETS } from "../../../contract/target.ts";
import { formatTimestamp, msToSeconds } from "../../../contract/time.ts";
import { incarnationOf, type QueueSettings } from "../../../domain/queue.ts";
import type { Rate } from "../../../domain/rate.ts";
import { DEFAULT_MAX_DEFERRAL_MS } from "../../../domain/retry.ts";
import { kindOf, type TargetDeployment } from "../../../domain/target.ts";
import { shownTarget } from "../access/target-secrets.ts";
import { retryView } from "../jobs/job-view.ts";

export function queueView(settings: QueueSettings): QueueView {
  return {
    name: settings.name,
    ...settingsView(settings),
    version: settings.version,
    incarnation: incarnationOf(settings),
    createdAt: formatTimestamp(settings.createdAt),
    updatedAt: formatTimestamp(settings.updatedAt),
  };
}

/** The settings as a PUT takes them, complete. */
export function settingsView(settings: QueueSettings): QueueSettingsView {
  return {
    target: settings.target.type === "http" ? shownTarget(settings.target) : settings.target,
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
    maxDeferral: msToSeconds(settings.maxDeferralMs ?? DEFAULT_MAX_DEFERRAL_MS),
    timeout: msToSeconds(settings.timeoutMs),
    retention: msToSeconds(settings.retentionMs),
    idempotencyWindow: msToSeconds(settings.idempotencyWindowMs),
    history: settings.history ?? "all",
    keepPayload: settings.keepPayload ?? true,
    consistency: settings.consistency,
    paused: settings.paused,
  };
}

function rateView(rate: Rate | null): QueueView["rate"] {
  return rate === null ? null : { limit: rate.limit, period: msToSeconds(rate.periodMs) };
}

/** Limits of the whole queue: each partition has its part of them. */
interface DividedLimits {
  concurrency: number | null;
  rate: { limit: number } | null;
  maxBacklog: number | null;
}

/** A limit by its name in a sentence, and its place in a body. */
export interface DividedLimit {
  name: string;
  /** The last name of the pointer. */
  field: string;
  pointer: string;
  limit: number;
}

/** The first limit that cannot be divided over so many partitions, or null. */
export function limitBelow({ concurrency, rate, maxBacklog }: DividedLimits, partitions: number): DividedLimit | null {
  const limits = [
    { name: "concurrency", field: "concurrency", pointer: "/concurrency", limit: concurrency },
    { name: "rate", field: "limit", pointer: "/rate/limit", limit: rate?.limit ?? null },
    { name: "maxBacklog", field: "maxBacklog", pointer: "/maxBacklog", limit: maxBacklog },
  ];
  const divided = limits.flatMap(({ limit, ...rest }) => (limit === null ? [] : [{ ...rest, limit }]));
  return divided.find(({ limit }) => limit < partitions) ?? null;
}

/** What is checked with, beside the settings: `sent` is what the caller named, so that a fault is pointed to there. */
export interface SettingsCheck {
  targets: TargetDeployment;
  sent: object;
}

/** Why settings that are well-formed cannot work, or null. How limits go with the partitions is `checkLimits`'s. */
export function checkSettings(settings: QueueSettings, { targets, sent }: SettingsCheck): Problem | null {
  const { target } = settings;
  const fault = kindOf(target)?.fault(target, targets) ?? null;
  if (fault !== null) {
    const { code, detail, field, fieldDetail } = fault;
    return conflict.of(code, detail, [{ pointer: `/target/${field}`, detail: fieldDetail }]);
  }
  if (!tooLong(settings.timeoutMs, settings)) return null;
  return "timeout" in sent
    ? invalid.field(
        "/timeout",
        `timeout is at most ${formatNumber(MAX_PUSH_TIMEOUT_SECONDS)} seconds unless the target is ${LONG_TARGETS}.`,
      )
    : invalid.field(
        "/target",
        `target is ${LONG_TARGETS}, as long as the timeout is ${formatNumber(msToSeconds(settings.timeoutMs))} seconds: send a timeout of at most ${formatNumber(MAX_PUSH_TIMEOUT_SECONDS)} seconds with it.`,
      );
}

/** A limit that cannot be divided over partitions whose number is free to change (422), or null. */
export function checkLimits(settings: QueueSettings, sent: object): Problem | null {
  const { partitions } = settings;
  const below = limitBelow(settings, partitions);
  if (below === null) return null;
  const { name, field, pointer, limit } = below;
  const ways = `send "partitions" of ${limit} or less, or raise the limit to at least ${partitions}`;
  const error =
    name in sent
      ? { pointer, detail: `${field} must be at least ${partitions}, the number of partitions: ${ways}.` }
      : { pointer: "/partitions", detail: `partitions must be at most ${limit}, the queue's ${name}: ${ways}.` };
  return conflict.of(
    "limit-below-partitions",
    `A ${name} of ${limit} cannot be divided over ${partitions} partitions: ${ways}.`,
    [error],
  );
}

/** A timeout longer than the queue's target can run is a problem (422): a consumer of a Queue has 15 minutes. */
export function checkTimeout(timeoutMs: number, settings: QueueSettings): Problem | null {
  if (!tooLong(timeoutMs, settings)) return null;
  const detail = `Only a job whose target is ${LONG_TARGETS} may take more than ${MAX_PUSH_TIMEOUT_SECONDS} seconds.`;
  const fault = `timeout is at most ${MAX_PUSH_TIMEOUT_SECONDS} seconds for this queue.`;
  return conflict.of("timeout-too-long", detail, [{ pointer: "/timeout", detail: fault }]);
}
