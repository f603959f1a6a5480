import { nextInstants } from "../../../contract/instants.ts";
import { JsonText, longerThan } from "../../../contract/json-text.ts";
import {
  DEFAULT_PRIORITY,
  EARLIER_CATCH_UP_SECONDS,
  MAX_PAYLOAD_BYTES,
  MAX_PUSH_TIMEOUT_SECONDS,
} from "../../../contract/limits.ts";
import { conflict, type Problem, type Result, tooLarge } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, partialRetry, tooLong } from "../../../contract/queue-settings.ts";
import type { ScheduleState } from "../../../contract/rpc.ts";
import {
  type FireView,
  NEXT_INSTANTS,
  type ScheduleBody,
  type ScheduledJobView,
  type ScheduleView,
} from "../../../contract/schedule.ts";
import { LONG_TARGETS } from "../../../contract/target.ts";
import { formatTimestamp, msToSeconds, parseTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { RetryPolicy } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import {
  type Fire,
  orderingKeyOf,
  type ScheduledJob,
  type ScheduleSettings,
  timingOf,
} from "../../../domain/schedule.ts";
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
    cron: body.cron ?? null,
    everyMs: body.every === undefined ? null : secondsToMs(body.every),
    startAt: parsedOrNull(body.start),
    endAt: parsedOrNull(body.end),
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
    catchUp: body.catchUp?.window == null ? "latest" : "window",
    catchUpWindowMs: secondsToMs(body.catchUp?.window ?? EARLIER_CATCH_UP_SECONDS),
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
    return conflict.of("timeout-too-long", `Only a job whose target is ${LONG_TARGETS} may take more than ${most}.`, [
      {
        pointer: "/job/timeout",
        detail: `timeout is at most ${most} for the queue ${queue.name}, whose target is not ${LONG_TARGETS}.`,
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
  const { timezone, overlap, paused } = settings;
  return {
    ...withoutNulls(ruleView(settings)),
    timezone,
    job: { ...withoutNulls(job), payload },
    overlap,
    catchUp: catchUpView(settings),
    jitter: msToSeconds(settings.jitterMs),
    paused,
  };
}

function withoutNulls(view: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(view).filter(([, value]) => value !== null));
}

function ruleView(settings: ScheduleSettings): Pick<ScheduleView, "cron" | "every" | "start" | "end"> {
  const { cron, everyMs, startAt, endAt } = timingOf(settings);
  const every = everyMs === null ? null : msToSeconds(everyMs);
  return { cron, every, start: timeOrNull(startAt), end: timeOrNull(endAt) };
}

function catchUpView({ catchUp, catchUpWindowMs }: ScheduleSettings): ScheduleView["catchUp"] {
  return { window: catchUp === "latest" ? null : msToSeconds(catchUpWindowMs) };
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
    ...ruleView(settings),
    timezone: settings.timezone,
    job: jobView(settings.job),
    overlap: settings.overlap,
    catchUp: catchUpView(settings),
    jitter: msToSeconds(settings.jitterMs),
    paused: settings.paused,
    state: settings.paused ? "paused" : hasEnded(settings, running) ? "ended" : "active",
    version: settings.version,
    createdAt: formatTimestamp(settings.createdAt),
    updatedAt: formatTimestamp(settings.updatedAt),
    nextFireAt: timeOrNull(running?.nextAt ?? null),
    lastFireAt: timeOrNull(fired.length === 0 ? null : Math.max(...fired)),
  };
}

/** While it moves no shard runs it: then it is not known to have ended. */
function hasEnded({ endAt = null }: ScheduleSettings, running: ScheduleState | undefined): boolean {
  return endAt !== null && running !== undefined && running.nextAt === null;
}

/** The view of one schedule alone, which shows what is to come. */
export function withNextInstants(settings: ScheduleSettings, view: ScheduleView): ScheduleView {
  const first = parsedOrNull(view.nextFireAt ?? undefined);
  const instants = first === null ? [] : nextInstants(timingOf(settings), first, NEXT_INSTANTS);
  return { ...view, nextInstants: instants.map(formatTimestamp) };
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

function parsedOrNull(text: string | undefined): number | null {
  return text === undefined ? null : parseTimestamp(text);
}

function timeOrNull(at: number | null): string | null {
  return at === null ? null : formatTimestamp(at);
}
