import type { RetryPolicy } from "./job/job.ts";
import { makeJobId } from "./job-id.ts";
import type { QueueSettings } from "./queue.ts";
import { hash32, partitionOf, slotOf } from "./slots.ts";

/** Schedules: jobs that recur by a cron expression. */

/**
 * What a fire does while the job of the fire before is not final: `allow` runs beside it, `skip` leaves this one out,
 * `queue` lets it wait its turn.
 */
export const OVERLAPS = ["allow", "skip", "queue"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** `missed`: its instant was past the catch-up window when the shard could look at it. */
export const FIRE_OUTCOMES = ["fired", "skipped", "missed"] as const;
export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/** The job that every fire makes. */
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

/** A schedule as D1 and its shard keep it. `version` grows with every change, over deletion and re-creation too. */
export interface ScheduleSettings {
  namespace: string;
  name: string;
  version: number;
  deleted: boolean;
  cron: string;
  /** An IANA name. */
  timezone: string;
  job: ScheduledJob;
  overlap: Overlap;
  /** How late an instant may still fire. */
  catchUpWindowMs: number;
  /** A job's run-at lies 0 to this much after its instant. */
  jitterMs: number;
  paused: boolean;
  createdAt: number;
  updatedAt: number;
}

/** One instant of a schedule and what came of it; of missed ones a run of `count`, the first at `scheduledAt`. */
export interface Fire {
  scheduledAt: number;
  firedAt: number | null;
  outcome: FireOutcome;
  reason: string | null;
  jobId: string | null;
  count: number;
}

/** What the instants of a schedule depend on; null when it has none to come. Equal timings have equal instants. */
export function timingOf({ cron, timezone, paused, deleted }: ScheduleSettings): string | null {
  return paused || deleted ? null : `${timezone} ${cron}`;
}

/** With overlap `queue` the jobs of a schedule without an ordering key of its own share one that is made of its name. */
export function orderingKeyOf({ name, overlap, job }: ScheduleSettings): string | null {
  return job.orderingKey ?? (overlap === "queue" ? `schedule:${name}` : null);
}

/** Where all jobs of a schedule lie. The schedule itself lies there too, so that a fire is one local transaction. */
export function placeOf(settings: ScheduleSettings, queue: QueueSettings): { partition: number; slot: number } {
  const keys = {
    orderingKey: orderingKeyOf(settings),
    concurrencyKey: settings.job.concurrencyKey,
    dedupKey: null,
    idempotencyKey: settings.name,
  };
  const partition = partitionOf(keys, queue.partitions, 0);
  return { partition, slot: slotOf(queue.namespace, queue.name, partition) };
}

/** The id of the job that the fire at `instant` makes, whatever the schedule's version: one instant is one job. */
export function fireJobId({ namespace, name }: ScheduleSettings, instant: number, slot: number): string {
  const random = new Uint8Array(8);
  const view = new DataView(random.buffer);
  view.setUint32(0, hash32(`fire/${namespace}/${name}/${instant}`));
  view.setUint32(4, hash32(`job/${namespace}/${name}/${instant}`));
  return makeJobId(instant, slot, random);
}

/** How long after `instant` its job is to run: the same at every try, spread evenly over 0 to `jitterMs`. */
export function jitterOf({ namespace, name, jitterMs }: ScheduleSettings, instant: number): number {
  return Math.floor((hash32(`jitter/${namespace}/${name}/${instant}`) / 2 ** 32) * (jitterMs + 1));
}
