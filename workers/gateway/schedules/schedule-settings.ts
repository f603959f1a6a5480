import { JsonText, longerThan } from "../../../contract/json-text.ts";
import {
  DEFAULT_CATCH_UP_SECONDS,
  DEFAULT_PRIORITY,
  MAX_PAYLOAD_BYTES,
  MAX_PUSH_TIMEOUT_SECONDS,
} from "../../../contract/limits.ts";
import { conflict, type Problem, type Result, tooLarge } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, partialRetry, tooLong } from "../../../contract/queue-settings.ts";
import type { ScheduleState } from "../../../contract/rpc.ts";
import type { FireView, ScheduleBody, ScheduledJobView, ScheduleView } from "../../../contract/schedule.ts";
import { formatTimestamp, msToSeconds, secondsToMs } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { type Fire, orderingKeyOf, type ScheduledJob, type ScheduleSettings } from "../../../domain/schedule.ts";
import { keysClash } from "../../../domain/slots.ts";
import type { Stamp } from "../resources/kind.ts";

/** The settings of a schedule put as `body`, complete, in the units used inside. Refuses (413) a payload too large. */
export function scheduleFrom(body: ScheduleBody, stamp: Stamp): Result<ScheduleSettings> {
  const { job } = body;
  const payload = job.payload.text;
  if (longerThan(payload, MAX_PAYLOAD_BYTES)) return tooLarge.payload(MAX_PAYLOAD_BYTES);
  return {
    namespace: stamp.namespace,
    name: stamp.name,
    version: stamp.version,
    deleted: false,
    cron: body.cron,
    timezone: body.timezone ?? "UTC",
    job: {
      queue: job.queue ?? DEFAULT_QUEUE,
      payload,
      orderingKey: job.orderingKey ?? null,
      concurrencyKey: job.concurrencyKey ?? null,
      priority: job.priority ?? DEFAULT_PRIORITY,
      timeoutMs: job.timeout === undefined ? null : secondsToMs(job.timeout),
      retry: job.retry === undefined ? null : partialRetry(job.retry),
      tags: job.tags ?? [],
      expiresAfterMs: job.expiresAfter === undefined ? null : secondsToMs(job.expiresAfter),
    },
    overlap: body.overlap ?? "allow",
    catchUpWindowMs: secondsToMs(body.catchUp?.window ?? DEFAULT_CATCH_UP_SECONDS),
    jitterMs: secondsToMs(body.jitter ?? 0),
    paused: body.paused ?? false,
    createdAt: stamp.createdAt,
    updatedAt: stamp.updatedAt,
  };
}

/** Why its queue would refuse the job (422), or null. */
export function checkJob(settings: ScheduleSettings, queue: QueueSettings): Problem | null {
  const { timeoutMs, concurrencyKey } = settings.job;
  if (timeoutMs !== null && tooLong(timeoutMs, queue)) {
    const most = `${MAX_PUSH_TIMEOUT_SECONDS} seconds`;
    return conflict.of("timeout-too-long", `Only a pulled job may take more than ${most}.`, [
      {
        pointer: "/job/timeout",
        detail: `timeout is at most ${most} for the queue ${queue.name}, whose target is not of type \`pull\`.`,
      },
    ]);
  }
  const orderingKey = orderingKeyOf(settings);
  if (!keysClash({ orderingKey, concurrencyKey }, queue.partitions)) return null;
  const detail = `goes with an orderingKey, or with the overlap "queue", on a queue of one partition only: ${queue.name} has ${queue.partitions}`;
  return conflict.of("keys-need-one-partition", `The job's concurrencyKey ${detail}.`, [
    { pointer: "/job/concurrencyKey", detail: `concurrencyKey ${detail}.` },
  ]);
}

/** What a PUT has to say to get these settings: what is absent is left out. */
export function scheduleBodyOf(settings: ScheduleSettings): unknown {
  const { payload, ...job } = jobView(settings.job);
  const { cron, timezone, overlap, paused } = settings;
  return {
    cron,
    timezone,
    job: { ...Object.fromEntries(Object.entries(job).filter(([, value]) => value !== null)), payload },
    overlap,
    catchUp: { window: msToSeconds(settings.catchUpWindowMs) },
    jitter: msToSeconds(settings.jitterMs),
    paused,
  };
}

function jobView(job: ScheduledJob): ScheduledJobView {
  return {
    queue: job.queue,
    payload: new JsonText(job.payload),
    orderingKey: job.orderingKey,
    concurrencyKey: job.concurrencyKey,
    priority: job.priority,
    timeout: job.timeoutMs === null ? null : msToSeconds(job.timeoutMs),
    retry: job.retry === null ? null : retryOf(job.retry),
    tags: job.tags,
    expiresAfter: job.expiresAfterMs === null ? null : msToSeconds(job.expiresAfterMs),
  };
}

/** `states` is what the shards say of it: of those that ran it in turn, each knows what it fired. */
export function scheduleView(settings: ScheduleSettings, states: ScheduleState[]): ScheduleView {
  const running = states.find(({ runs, version }) => runs && version === settings.version);
  const fired = states.flatMap(({ lastFiredAt }) => (lastFiredAt === null ? [] : [lastFiredAt]));
  return {
    name: settings.name,
    cron: settings.cron,
    timezone: settings.timezone,
    job: jobView(settings.job),
    overlap: settings.overlap,
    catchUp: { window: msToSeconds(settings.catchUpWindowMs) },
    jitter: msToSeconds(settings.jitterMs),
    paused: settings.paused,
    version: settings.version,
    createdAt: formatTimestamp(settings.createdAt),
    updatedAt: formatTimestamp(settings.updatedAt),
    nextFireAt: timeOrNull(running?.nextAt ?? null),
    lastFireAt: timeOrNull(fired.length === 0 ? null : Math.max(...fired)),
  };
}

export function fireView(fire: Fire): FireView {
  const { scheduledAt, firedAt, outcome, reason, jobId, count } = fire;
  return {
    scheduledAt: formatTimestamp(scheduledAt),
    firedAt: timeOrNull(firedAt),
    lateSeconds: firedAt === null ? null : msToSeconds(Math.max(0, firedAt - scheduledAt)),
    outcome,
    reason,
    jobId,
    count,
  };
}

function retryOf({ delayMs, maxDelayMs, ...rest }: Partial<RetryPolicy>) {
  return {
    ...rest,
    ...(delayMs === undefined ? {} : { delay: msToSeconds(delayMs) }),
    ...(maxDelayMs === undefined ? {} : { maxDelay: msToSeconds(maxDelayMs) }),
  };
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : formatTimestamp(at);
}
