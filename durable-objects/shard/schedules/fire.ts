import type { Instants } from "../../../contract/cron.ts";
import { instantsOf, lastUpTo } from "../../../contract/instants.ts";
import { RPC_VERSION, type Submitted } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { isFinal } from "../../../domain/job/state.ts";
import {
  assignedSlot,
  type Fire,
  fireJobId,
  jitterOf,
  orderingKeyOf,
  type ScheduleSettings,
  timingOf,
} from "../../../domain/schedule.ts";
import { keysClash } from "../../../domain/slots.ts";
import { JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { submit } from "../lifecycle/submit.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { collectMissed } from "../subscriptions/collect.ts";
import { FIRE_BUDGET } from "./fire-budget.ts";
import { EACH_SCHEDULE, SCHEDULES, type ScheduleRow } from "./schedule-store.ts";

/** Schedules looked at in one step, and instants of each: whoever has more to catch up goes to the end of the line. */
const SCHEDULES_PER_STEP = 20;
const INSTANTS_PER_LOOK = 5;
/** A tenth of a millisecond each: a run of missed instants is counted no further. */
const MAX_COUNTED = 1000;
/** A queue that is frozen for a change lets nobody in; it is frozen for a moment only. */
const FROZEN_LOOK_MS = 250;
/** A record stays for as long as this after its instant. */
const KEEP_FIRES_MS = 30 * 24 * 3_600_000;

/**
 * Fires the schedules that are due: record, job and next instant are written in one step, so that there is never one
 * without the others. A bounded number: what is left is still due, so that the alarm comes at once.
 */
export function fireDue(step: Step): void {
  const schedules = step.get(SCHEDULES);
  const passedOver = step.get(QUARANTINE).count(EACH_SCHEDULE.kind, step.now);
  walk(step, EACH_SCHEDULE, {
    rows: schedules.due(step.now, SCHEDULES_PER_STEP + passedOver),
    each: (row) => {
      const after = look(step, row);
      schedules.save(after);
      step.wakeAt(after.due_at);
    },
  });
}

/** When the clock has to look at a schedule: at those that are set aside from their next try on. */
export function nextFireAt(parts: Parts, now: number): number | null {
  const schedules = parts.get(SCHEDULES);
  return parts.get(QUARANTINE).nextAt({ kind: EACH_SCHEDULE.kind, now }, schedules.nextDueAt, schedules.dueTimes);
}

/** Forgets records of fires whose time is over, at most `limit`. Answers how many. */
export function purgeFires(step: Step, limit: number): number {
  return step.get(SCHEDULES).forgetFires(step.now - KEEP_FIRES_MS, limit);
}

/** When the oldest record of a fire is to be forgotten, epoch milliseconds; null when there is none. */
export function nextPurgeAt(parts: Parts): number | null {
  const oldest = parts.get(SCHEDULES).oldestFireAt();
  return oldest === null ? null : overAt(oldest);
}

/** The first moment at which the record of an instant has been there for longer than records are kept. */
function overAt(scheduledAt: number): number {
  return scheduledAt + KEEP_FIRES_MS + 1;
}

/** Deals with the due instants of one schedule, a bounded number; answers its row as it is then. */
function look(step: Step, row: ScheduleRow): ScheduleRow {
  const settings = step.get(SCHEDULES).settings(row.ref);
  const instants = instantsOf(timingOf(settings));
  let after = { ...row };
  for (let n = 0; n < INSTANTS_PER_LOOK && after.next_at !== null && after.next_at <= step.now; n++) {
    const at = after.next_at;
    const edge = missedBefore(instants, { settings, at, now: step.now });
    if (edge !== null) {
      const { last, next, fire } = missed(instants, { first: at, ...edge });
      after = noted(step, { ...after, next_at: next, last_at: last }, fire);
      tellMissed(step, { row: after, settings, at }, fire);
      continue;
    }
    const outcome = fireInstant(step, { row: after, settings, at });
    if (outcome.type === "frozen") return { ...after, due_at: outcome.until };
    // Kept as it stands: whoever owns the place now is told by the next push.
    if (outcome.type === "not-owned") return { ...after, runs: 0, slot: null, due_at: null };
    const slot = outcome.slot ?? after.slot;
    after = noted(step, { ...after, slot, next_at: instants.next(at), last_at: at }, outcome.fire);
  }
  const waits = after.next_at !== null && after.next_at <= step.now;
  return { ...after, due_at: waits ? step.now : after.next_at };
}

/** Instants before `edge` (epoch ms) are missed; `reason` is why, for people. */
interface Missed {
  edge: number;
  reason: string;
}

/** Whether the instant `at`, which is due, is missed, with all that come before the first that may still fire. Null: it may. */
function missedBefore(
  instants: Instants,
  { settings, at, now }: { settings: ScheduleSettings; at: number; now: number },
): Missed | null {
  if (settings.catchUp === "latest") {
    const edge = lastUpTo(instants, at, now);
    return edge === at ? null : { edge, reason: "The next instant was due before it could be fired" };
  }
  const edge = now - settings.catchUpWindowMs;
  return at >= edge ? null : { edge, reason: "Past its catch-up window when it could be fired" };
}

/** The instants from `first` up to `edge` as one record, and the first at or after `edge`. */
function missed(instants: Instants, { first, edge, reason: why }: Missed & { first: number }) {
  let last = first;
  let next = instants.next(first);
  let count = 1;
  while (next !== null && next < edge && count < MAX_COUNTED) {
    last = next;
    next = instants.next(next);
    count += 1;
  }
  const more = next !== null && next < edge;
  if (more) next = instants.next(edge - 1);
  const until = count === 1 ? "" : `, the last at ${formatTimestamp(last)}`;
  const reason = `${why}${more ? "; counted no further" : until}.`;
  const fire: Fire = { scheduledAt: first, firedAt: null, outcome: "missed", reason, jobId: null, count };
  return { last, next, fire };
}

/** A run of missed instants is an event for who asks for it, named as the job of its first instant would have been. */
function tellMissed(step: Step, { row, settings, at }: DueInstant, { count, reason }: Fire): void {
  if (row.slot === null) throw new Error(`schedule ${settings.name} runs here, and has no slot`);
  const { namespace, name, job } = settings;
  const id = fireJobId(settings, at, row.slot);
  collectMissed(step, { id, namespace, name, queue: job.queue, tags: job.tags, scheduledAt: at, count, reason });
}

interface DueInstant {
  row: ScheduleRow;
  settings: ScheduleSettings;
  at: number;
}

/** `slot` is that of the place by the settings of now; left out where the queue has none. */
type InstantOutcome =
  | { type: "frozen"; until: number; slot?: number }
  | { type: "not-owned" }
  | { type: "fire"; fire: Fire; slot?: number };

/** One instant that is due and not too late. */
function fireInstant(step: Step, due: DueInstant): InstantOutcome {
  const { settings, at } = due;
  // It is being deleted, and its schedules with it.
  if (step.get(NAMESPACES).isGone(settings.namespace)) return { type: "not-owned" };
  const queue = step.get(QUEUES).find(settings.namespace, settings.job.queue);
  if (queue === null) throw new Error(`schedule ${settings.name} runs here, and its queue was never heard of`);
  if (queue.settings.deleted) return skipped(at, `Its queue ${settings.job.queue} was deleted.`);
  const assigned = assignedSlot(settings, queue.settings);
  if (!step.get(OWNERSHIP).owns(assigned.slot)) return { type: "not-owned" };
  return { ...fireAt(step, due.row, { queue, settings, at, ...assigned }), slot: assigned.slot };
}

function fireAt(step: Step, row: ScheduleRow, making: FireTarget): Exclude<InstantOutcome, { type: "not-owned" }> {
  const { queue, settings, at } = making;
  // The queue has more partitions than when the schedule was written.
  if (
    keysClash(
      { orderingKey: orderingKeyOf(settings), concurrencyKey: settings.job.concurrencyKey },
      queue.settings.partitions,
    )
  ) {
    return skipped(at, "Its job has an orderingKey and a concurrencyKey, and these need a queue of one partition.");
  }
  const unfinished = settings.overlap === "skip" ? unfinishedBefore(step, row) : null;
  if (unfinished !== null) return skipped(at, `The job of the fire before, ${unfinished}, is not final.`);
  return makeJob(step, making);
}

function skipped(at: number, reason: string): Extract<InstantOutcome, { type: "fire" }> {
  const fire: Fire = { scheduledAt: at, firedAt: null, outcome: "skipped", reason, jobId: null, count: 1 };
  return { type: "fire", fire };
}

/** A job that was forgotten was final. */
function unfinishedBefore(step: Step, row: ScheduleRow): string | null {
  const job = row.last_job === null ? null : step.get(JOBS).head(row.last_job);
  return job === null || isFinal(job.state) ? null : job.id;
}

interface FireTarget {
  queue: KnownQueue;
  settings: ScheduleSettings;
  at: number;
  partition: number;
  slot: number;
}

/** Submits the job of the instant. Its id is the instant's, so that it is there once however often this is done. */
function makeJob(
  step: Step,
  { queue, settings, at, partition, slot }: FireTarget,
): Exclude<InstantOutcome, { type: "not-owned" }> {
  const { job } = settings;
  const until = step.get(FIRE_BUDGET).take(step, settings.namespace);
  if (until !== null) return { type: "frozen", until };
  const id = fireJobId(settings, at, slot);
  const runAt = at + jitterOf(settings, at);
  const outcome = submit(step, {
    v: RPC_VERSION,
    epoch: 0,
    queues: [queue.settings],
    atomic: false,
    exempt: "own",
    jobs: [
      {
        id,
        queue: 0,
        partition,
        priority: job.priority,
        orderingKey: orderingKeyOf(settings),
        concurrencyKey: job.concurrencyKey,
        idempotency: null,
        dedup: null,
        delayMs: null,
        runAt,
        expiresAt: job.expiresAfterMs === null ? null : runAt + job.expiresAfterMs,
        timeoutMs: job.timeoutMs,
        retry: job.retry,
        tags: job.tags,
        payload: job.payload,
        createdAt: null,
        parent: null,
      },
    ],
  });
  if (outcome.type === "busy") return { type: "frozen", until: step.now + FROZEN_LOOK_MS };
  const result = outcome.type === "submitted" ? outcome.results[0] : undefined;
  if (result === undefined) throw new Error(`schedule ${settings.name}: its queue, as known here, was not taken`);
  const refusal = refusalOf(result);
  if (refusal !== null) return skipped(at, refusal);
  const fire: Fire = { scheduledAt: at, firedAt: step.now, outcome: "fired", reason: null, jobId: id, count: 1 };
  return { type: "fire", fire };
}

const FULL = {
  queue: "full: Its queue has as many waiting jobs as it may have.",
  namespace:
    "full: The namespace has as many unfinished jobs, or as many bytes, as it may have on the shard of its queue.",
  shard: "full: The shard of its queue holds as much as it can.",
} as const;

/** Why no job was made, or null when it was. */
function refusalOf(result: Submitted): string | null {
  switch (result.type) {
    case "accepted":
      return null;
    case "expired":
      return "The job would have expired before it could run.";
    case "full":
      return FULL[result.scope];
    default:
      return `The job was refused: ${result.type}.`;
  }
}

const COUNTERS = { fired: "firesFired", skipped: "firesSkipped", missed: "firesMissed" } as const;

/** Records the fire; answers the row with it. */
function noted(step: Step, row: ScheduleRow, fire: Fire): ScheduleRow {
  const fires = row.fires + 1;
  step.get(SCHEDULES).record(row, fires, fire);
  step.wakeAt(overAt(fire.scheduledAt));
  const { totals } = step.get(METRICS);
  step.onCommit(() => {
    totals[COUNTERS[fire.outcome]] += fire.count;
  });
  const made = fire.outcome === "fired" ? { last_fired_at: fire.scheduledAt, last_job: fire.jobId } : {};
  return { ...row, ...made, fires };
}
