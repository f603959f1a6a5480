import type { RetryPolicy } from "./job/job.ts";
import { makeJobId } from "./job-id.ts";
import type { QueueSettings } from "./queue.ts";
import { hash32, partitionOf, slotOf } from "./slots.ts";

/** Schedules: jobs that recur by a cron expression, or every so many seconds. */

/**
 * What a fire does while the job of the fire before is not final: `allow` runs the new job beside it, `skip` makes
 * none, and `queue` lets the new job wait its turn.
 */
export const OVERLAPS = ["allow", "skip", "queue"] as const;
/** One of `OVERLAPS`. */
export type Overlap = (typeof OVERLAPS)[number];

/**
 * What came of an instant. `fired`: a job was made. `skipped`: none was, for the fire's `reason`: the job of the fire
 * before is not final, or the queue cannot take the job. `missed`: the instant was past the catch-up window by the time
 * the shard could look at it.
 */
export const FIRE_OUTCOMES = ["fired", "skipped", "missed"] as const;
/** One of `FIRE_OUTCOMES`. */
export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/**
 * Whether a schedule fires. `paused`: not until it is resumed; `ended`: its end leaves no instant to come.
 */
export const SCHEDULE_STATES = ["active", "paused", "ended"] as const;

/**
 * Which late instants still fire. `latest`: the last one that is due, however late, until the next one is. `window`: all
 * that are late by no more than the window.
 */
export type CatchUp = "latest" | "window";

/** The job that every fire makes. What is null is as the queue has it, or not there. */
export interface ScheduledJob {
  queue: string;
  /** JSON text. */
  payload: string;
  orderingKey: string | null;
  concurrencyKey: string | null;
  priority: number;
  timeoutMs: number | null;
  retry: Partial<RetryPolicy> | null;
  tags: string[];
  /** From the job's run-at on. */
  expiresAfterMs: number | null;
}

/**
 * A schedule as D1 and its shard keep it. `version` grows with every change, over deletion and re-creation too, so that
 * of two copies the higher is the newer. Times are epoch ms.
 */
export interface ScheduleSettings {
  namespace: string;
  name: string;
  version: number;
  deleted: boolean;
  /** Null: it goes by `everyMs`. */
  cron: string | null;
  /** Null, or left out by versions that knew `cron` alone: it goes by that. */
  everyMs?: number | null;
  /** No instant lies before the one, or after the other. Null, or left out by earlier versions: there is no such limit. */
  startAt?: number | null;
  endAt?: number | null;
  /** An IANA name, for `cron`. */
  timezone: string;
  job: ScheduledJob;
  overlap: Overlap;
  /** Left out by versions that knew windows alone. */
  catchUp?: CatchUp;
  /** How late an instant may still fire, by `window`. Earlier versions go by it in any case. */
  catchUpWindowMs: number;
  /** A job's run-at lies 0 to this much after its instant. */
  jitterMs: number;
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

/**
 * One instant of a schedule and what came of it, or a run of `count` instants that were missed, the first of them at
 * `scheduledAt`. Times are epoch ms; `firedAt` and `jobId` are null where no job was made.
 */
export interface Fire {
  scheduledAt: number;
  firedAt: number | null;
  outcome: FireOutcome;
  reason: string | null;
  jobId: string | null;
  count: number;
}

/** What the instants of a schedule follow from. Times are epoch ms. */
export interface Timing {
  cron: string | null;
  everyMs: number | null;
  timezone: string;
  /** From where `everyMs` counts: the start, or when the schedule was created, which is no instant of its own. */
  anchorAt: number;
  startAt: number | null;
  endAt: number | null;
}

export function timingOf(settings: ScheduleSettings): Timing {
  const { cron, everyMs = null, timezone, createdAt, startAt = null, endAt = null } = settings;
  return { cron, everyMs, timezone, anchorAt: startAt ?? createdAt, startAt, endAt };
}

/** Stands in the text of a timing that comes to an end; no expression and no zone has it. */
export const ENDS = " until ";

/**
 * A timing as a text; null while no instants are to come, because the schedule is paused or deleted. Two versions of a
 * schedule with equal texts have equal instants.
 */
export function timingText(settings: ScheduleSettings): string | null {
  if (settings.paused || settings.deleted) return null;
  const { cron, everyMs, timezone, anchorAt, startAt, endAt } = timingOf(settings);
  const rule = everyMs === null ? `${timezone} ${cron}` : `every ${everyMs} from ${anchorAt}`;
  const from = everyMs !== null || startAt === null ? "" : ` from ${startAt}`;
  return `${rule}${from}${endAt === null ? "" : `${ENDS}${endAt}`}`;
}

/**
 * The ordering key of a schedule's jobs, null when they have none. With overlap `queue`, jobs without an ordering key
 * of their own share one that is made of the schedule's name, so that they run one after the other.
 */
export function orderingKeyOf({ name, overlap, job }: ScheduleSettings): string | null {
  return job.orderingKey ?? (overlap === "queue" ? `schedule:${name}` : null);
}

/**
 * The partition and the slot in which all jobs of a schedule lie, under its queue's present number of partitions. The
 * schedule itself lies there too, so that a fire is one local transaction.
 */
export function assignedSlot(settings: ScheduleSettings, queue: QueueSettings): { partition: number; slot: number } {
  const keys = {
    orderingKey: orderingKeyOf(settings),
    concurrencyKey: settings.job.concurrencyKey,
    dedupKey: null,
    idempotencyKey: settings.name,
  };
  const partition = partitionOf(keys, queue.partitions, 0);
  return { partition, slot: slotOf(queue.namespace, queue.name, partition) };
}

/**
 * The id of the job that the fire at `instant` (epoch ms) makes in `slot`. It does not depend on the schedule's
 * version, so that one instant is one job however often it is fired.
 */
export function fireJobId({ namespace, name }: ScheduleSettings, instant: number, slot: number): string {
  const random = new Uint8Array(8);
  const view = new DataView(random.buffer);
  view.setUint32(0, hash32(`fire/${namespace}/${name}/${instant}`));
  view.setUint32(4, hash32(`job/${namespace}/${name}/${instant}`));
  return makeJobId(instant, slot, random);
}

/**
 * How many ms after `instant` its job is to run: 0 to `jitterMs`, both included and evenly spread over instants, and
 * the same at every try.
 */
export function jitterOf({ namespace, name, jitterMs }: ScheduleSettings, instant: number): number {
  return Math.floor((hash32(`jitter/${namespace}/${name}/${instant}`) / 2 ** 32) * (jitterMs + 1));
}
