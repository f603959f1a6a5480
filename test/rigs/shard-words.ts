/** What tests tell a shard, in Node and on the real runtime, as the gateway and the processor would. */
import type * as rpc from "../../contract/rpc.ts";
import type { JobError } from "../../domain/job/job.ts";
import { makeJobId } from "../../domain/job-id.ts";
import type { OperationFilter } from "../../domain/operation.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { type ScheduleSettings, timingText } from "../../domain/schedule.ts";
import { slotOf } from "../../domain/slots.ts";
import { idOfEvent, type SubscriptionSettings } from "../../domain/subscription.ts";

export const START = 1_800_000_000_000;
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** What every request carries. */
export const CALL = { v: 1, epoch: 1 } as const;

/** Settings of a handler queue that retries after exactly 1 s, 2 s, 4 s; `over` is laid over them. */
export function settingsOf(over: Partial<QueueSettings> = {}): QueueSettings {
  return {
    namespace: "default",
    name: "q",
    version: 1,
    deleted: false,
    target: { type: "handler", name: "noop" },
    partitions: 1,
    lane: "default",
    concurrency: null,
    rate: null,
    perKeyConcurrency: null,
    perKeyRate: null,
    weight: 1,
    priorityAgingMs: null,
    maxBacklog: null,
    onFailure: "continue",
    retry: { maxAttempts: 3, backoff: "exponential", delayMs: SECOND, maxDelayMs: 10 * SECOND, jitter: "none" },
    timeoutMs: MINUTE,
    retentionMs: 7 * DAY,
    idempotencyWindowMs: DAY,
    consistency: "strong",
    paused: false,
    createdAt: START,
    updatedAt: START,
    ...over,
  };
}

export const BOOM: JobError = { code: "boom", message: "It broke.", retryable: true };

/** A filter that every failed job matches. */
export const ANY_FAILED: rpc.DeadFilter = {
  errorCode: null,
  fingerprint: null,
  tag: null,
  orderingKey: null,
  finishedAfter: null,
  finishedBefore: null,
  createdAfter: null,
  createdBefore: null,
};

/** A filter of operations that every job matches. */
export const ANY_JOB: OperationFilter = {
  queue: null,
  state: null,
  tag: null,
  orderingKey: null,
  errorCode: null,
  fingerprint: null,
  createdAfter: null,
  createdBefore: null,
  finishedBefore: null,
};

/** What a job is that asks for nothing. */
export const PLAIN = {
  priority: 4,
  orderingKey: null,
  concurrencyKey: null,
  idempotency: null,
  dedup: null,
  delayMs: null,
  runAt: null,
  expiresAt: null,
  timeoutMs: null,
  retry: null,
  tags: [],
} satisfies Partial<rpc.NewJob>;

/** The `nth` job that a test makes, at `now`. Ids made at one time in one slot ascend. */
export function newJob(
  queue: QueueSettings,
  { now, nth }: { now: number; nth: number },
  over: Partial<rpc.NewJob> = {},
): rpc.NewJob {
  const partition = over.partition ?? 0;
  const random = new Uint8Array(8);
  new DataView(random.buffer).setUint32(4, nth);
  return {
    id: makeJobId(now, slotOf(queue.namespace, queue.name, partition), random),
    queue: 0,
    partition,
    ...PLAIN,
    payload: `{"job":${nth}}`,
    createdAt: null,
    parent: null,
    ...over,
  };
}

/** A schedule of every minute on the harness's queue; `over` is laid over it. */
export function scheduleOf(over: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return {
    namespace: "default",
    name: "nightly",
    version: 1,
    deleted: false,
    cron: "* * * * *",
    timezone: "UTC",
    job: {
      queue: "q",
      payload: '{"what":"report"}',
      orderingKey: null,
      concurrencyKey: null,
      priority: 4,
      timeoutMs: null,
      retry: null,
      tags: [],
      expiresAfterMs: null,
    },
    overlap: "allow",
    catchUpWindowMs: MINUTE,
    jitterMs: 0,
    paused: false,
    createdAt: START,
    updatedAt: START,
    ...over,
  };
}

/** What a shard is told of a schedule. */
export function wordOf(
  settings: ScheduleSettings,
  queueVersion: number,
  own: rpc.OwnedSchedule | null,
): rpc.SchedulePush {
  const { namespace, name, version, deleted } = settings;
  return { namespace, name, version, deleted, queueVersion, timing: timingText(settings), own };
}

/** A subscription that asks for every event of its namespace; `over` is laid over it. */
export function subscriptionOf(over: Partial<SubscriptionSettings> = {}): SubscriptionSettings {
  return {
    namespace: "default",
    name: "all",
    version: 1,
    deleted: false,
    events: [
      "job.accepted",
      "job.started",
      "job.retrying",
      "job.succeeded",
      "job.failed",
      "job.cancelled",
      "job.redriven",
    ],
    filter: { queue: null, tag: null },
    target: { type: "queue", binding: "OUT" },
    paused: false,
    createdAt: START,
    updatedAt: START,
    ...over,
  };
}

/** A report that all of a page was delivered; `over` is laid over it. */
export function reportOf(page: rpc.EventPage, over: Partial<rpc.DeliveryReport> = {}): rpc.DeliveryReport {
  const { feed, upTo, subscription } = page;
  const delivered = page.events.map(idOfEvent);
  return { feed, upTo, version: subscription.version, delivered, refused: [], refusal: null, failure: null, ...over };
}
