import { type Instants, instantsOf } from "../../../contract/cron.ts";
import { RPC_VERSION, type Submitted } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { isFinal } from "../../../domain/job/state.ts";
import {
  type Fire,
  fireJobId,
  jitterOf,
  orderingKeyOf,
  placeOf,
  type ScheduleSettings,
} from "../../../domain/schedule.ts";
import { keysClash } from "../../../domain/slots.ts";
import { submit } from "../jobs/submit.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import type { Turn } from "../turn.ts";
import type { ScheduleRow } from "./schedule-store.ts";

/** Schedules looked at in one step, and instants of each: whoever has more to catch up goes to the end of the line. */
const SCHEDULES_PER_STEP = 20;
const INSTANTS_PER_LOOK = 5;
/** A tenth of a millisecond each: a run of missed instants is counted no further. */
const MAX_COUNTED = 1000;
/** A queue that is held for a change lets nobody in; it is held for a moment only. */
const HELD_LOOK_MS = 250;
/** Records of fires stay as long as this. */
const KEEP_FIRES_MS = 30 * 24 * 3_600_000;

/**
 * Fires the schedules that are due: record, job and next instant are written in one step, so that there is never one
 * without the others. A bounded number: what is left is still due, so that the alarm comes at once.
 */
export function fireDue(turn: Turn): void {
  for (const row of turn.stores.schedules.due(turn.now, SCHEDULES_PER_STEP)) {
    const after = look(turn, row);
    turn.stores.schedules.save(after);
    turn.wake(after.due_at);
  }
}

/** Forgets old records, at most `limit`; answers how many. */
export function purgeFires(turn: Turn, limit: number): number {
  return turn.stores.schedules.forgetFires(turn.now - KEEP_FIRES_MS, limit);
}

/** Deals with the due instants of one schedule, a bounded number; answers its row as it is then. */
function look(turn: Turn, row: ScheduleRow): ScheduleRow {
  const settings = turn.stores.schedules.settings(row.ref);
  const instants = instantsOf(settings.cron, settings.timezone);
  let after = { ...row };
  for (let n = 0; n < INSTANTS_PER_LOOK && after.next_at !== null && after.next_at <= turn.now; n++) {
    const at = after.next_at;
    if (turn.now - at > settings.catchUpWindowMs) {
      const { last, next, fire } = missed(instants, at, turn.now - settings.catchUpWindowMs);
      after = noted(turn, { ...after, next_at: next, last_at: last }, fire);
      continue;
    }
    const met = meet(turn, { row: after, settings, at });
    if (met.type === "held") return { ...after, due_at: met.until };
    // Kept as it stands: whoever owns the place now is told by the next push.
    if (met.type === "elsewhere") return { ...after, runs: 0, due_at: null };
    after = noted(turn, { ...after, next_at: instants.next(at), last_at: at }, met.fire);
  }
  const waits = after.next_at !== null && after.next_at <= turn.now;
  return { ...after, due_at: waits ? turn.now : after.next_at };
}

/** The instants from `first` up to `edge` as one record, and the first at or after `edge`. */
function missed(instants: Instants, first: number, edge: number) {
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
  const reason = `Past its catch-up window when it could be fired${more ? "; counted no further" : until}.`;
  const fire: Fire = { scheduledAt: first, firedAt: null, outcome: "missed", reason, jobId: null, count };
  return { last, next, fire };
}

interface Meeting {
  row: ScheduleRow;
  settings: ScheduleSettings;
  at: number;
}

type Met = { type: "held"; until: number } | { type: "elsewhere" } | { type: "fire"; fire: Fire };

/** One instant that is due and not too late. */
function meet(turn: Turn, meeting: Meeting): Met {
  const { settings, at } = meeting;
  const queue = turn.stores.queues.find(settings.namespace, settings.job.queue);
  if (queue === null) throw new Error(`schedule ${settings.name} runs here, and its queue was never heard of`);
  if (queue.settings.deleted) return skipped(at, `Its queue ${settings.job.queue} was deleted.`);
  const place = placeOf(settings, queue.settings);
  if (!turn.stores.owns(place.slot)) return { type: "elsewhere" };
  // The queue has more partitions than when the schedule was written.
  if (
    keysClash(
      { orderingKey: orderingKeyOf(settings), concurrencyKey: settings.job.concurrencyKey },
      queue.settings.partitions,
    )
  ) {
    return skipped(at, "Its job has an orderingKey and a concurrencyKey, and these need a queue of one partition.");
  }
  const unfinished = settings.overlap === "skip" ? unfinishedBefore(turn, meeting.row) : null;
  if (unfinished !== null) return skipped(at, `The job of the fire before, ${unfinished}, is not final.`);
  return makeJob(turn, { queue, settings, at, ...place });
}

function skipped(at: number, reason: string): Met {
  const fire: Fire = { scheduledAt: at, firedAt: null, outcome: "skipped", reason, jobId: null, count: 1 };
  return { type: "fire", fire };
}

/** A job that was forgotten was final. */
function unfinishedBefore(turn: Turn, row: ScheduleRow): string | null {
  const job = row.last_job === null ? null : turn.stores.jobs.head(row.last_job);
  return job === null || isFinal(job.state) ? null : job.id;
}

interface Making {
  queue: KnownQueue;
  settings: ScheduleSettings;
  at: number;
  partition: number;
  slot: number;
}

/** Submits the job of the instant. Its id is the instant's, so that it is there once however often this is done. */
function makeJob(turn: Turn, { queue, settings, at, partition, slot }: Making): Met {
  const { job } = settings;
  const id = fireJobId(settings, at, slot);
  const runAt = at + jitterOf(settings, at);
  const outcome = submit(turn, {
    v: RPC_VERSION,
    epoch: 0,
    queues: [queue.settings],
    atomic: false,
    exempt: true,
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
      },
    ],
  });
  if (outcome.type === "busy") return { type: "held", until: turn.now + HELD_LOOK_MS };
  const result = outcome.type === "submitted" ? outcome.results[0] : undefined;
  if (result === undefined) throw new Error(`schedule ${settings.name}: its queue, as known here, was not taken`);
  const refusal = refusalOf(result);
  if (refusal !== null) return skipped(at, refusal);
  const fire: Fire = { scheduledAt: at, firedAt: turn.now, outcome: "fired", reason: null, jobId: id, count: 1 };
  return { type: "fire", fire };
}

/** Why no job was made, or null when it was. */
function refusalOf(result: Submitted): string | null {
  switch (result.type) {
    case "accepted":
      return null;
    case "expired":
      return "The job would have expired before it could run.";
    default:
      return `The job was refused: ${result.type}.`;
  }
}

const COUNTERS = { fired: "firesFired", skipped: "firesSkipped", missed: "firesMissed" } as const;

/** Records the fire; answers the row with it. */
function noted(turn: Turn, row: ScheduleRow, fire: Fire): ScheduleRow {
  const fires = row.fires + 1;
  turn.stores.schedules.record(row.ref, fires, fire);
  turn.onCommit(() => {
    turn.stores.metrics.totals[COUNTERS[fire.outcome]] += fire.count;
  });
  const made = fire.outcome === "fired" ? { last_fired_at: fire.scheduledAt, last_job: fire.jobId } : {};
  return { ...row, ...made, fires };
}
