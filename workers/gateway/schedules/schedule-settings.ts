import { DEFAULT_CATCH_UP_SECONDS, DEFAULT_PRIORITY, MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { isProblem, tooLarge, under } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, partialRetry, type Stamp } from "../../../contract/queue-settings.ts";
import type { ScheduleState } from "../../../contract/rpc.ts";
import type { FireView, ScheduleBody, ScheduleView } from "../../../contract/schedule.ts";
import { formatTimestamp, msToSeconds, secondsToMs } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { type Fire, orderingKeyOf, type ScheduleSettings } from "../../../domain/schedule.ts";
import { longerThan } from "../bytes.ts";
import { checkTimeout } from "../queues/queue-settings.ts";
import { Refusal } from "../refusal.ts";
import { checkKeys } from "../submit/submission.ts";

/** The settings of a schedule put as `body`, complete, in the units used inside. Refuses (413) a payload too large. */
export function scheduleFrom(body: ScheduleBody, stamp: Stamp): ScheduleSettings {
  const { job } = body;
  const payload = JSON.stringify(job.payload);
  if (longerThan(payload, MAX_PAYLOAD_BYTES)) {
    throw new Refusal(tooLarge.payload(MAX_PAYLOAD_BYTES));
  }
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

/** Refuses (422) a job that its queue would refuse. */
export function checkJob(settings: ScheduleSettings, queue: QueueSettings): void {
  const { timeoutMs, concurrencyKey } = settings.job;
  const problem =
    (timeoutMs === null ? null : checkTimeout(timeoutMs, queue)) ??
    checkKeys({ orderingKey: orderingKeyOf(settings), concurrencyKey }, queue);
  if (isProblem(problem)) throw new Refusal(under("/job", problem));
}

/** `states` is what the shards say of it: of those that ran it in turn, each knows what it fired. */
export function scheduleView(settings: ScheduleSettings, states: ScheduleState[]): ScheduleView {
  const { job } = settings;
  const running = states.find(({ runs, version }) => runs && version === settings.version);
  const fired = states.flatMap(({ lastFiredAt }) => (lastFiredAt === null ? [] : [lastFiredAt]));
  return {
    name: settings.name,
    cron: settings.cron,
    timezone: settings.timezone,
    job: {
      queue: job.queue,
      payload: JSON.parse(job.payload),
      orderingKey: job.orderingKey,
      concurrencyKey: job.concurrencyKey,
      priority: job.priority,
      timeout: job.timeoutMs === null ? null : msToSeconds(job.timeoutMs),
      retry: job.retry === null ? null : retryOf(job.retry),
      tags: job.tags,
      expiresAfter: job.expiresAfterMs === null ? null : msToSeconds(job.expiresAfterMs),
    },
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
