import { MAX_PARTITIONS } from "../../../contract/limits.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { SLOTS, slotOf } from "../../../domain/slots.ts";
import { ANY_PARKED, PARKED } from "../flow/parked-store.ts";
import { COUNTS } from "../jobs/counts.ts";
import { noteOvertaken } from "../jobs/history.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { PACKS } from "../jobs/packs/packs.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import { removeRows } from "../jobs/transition.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { cancel } from "../lifecycle/cancel.ts";
import { STORED_BYTES } from "../namespaces/stored-bytes.ts";
import { OUTBOX, OUTGOING_COUNTS } from "../outbox/outbox-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES, settingsRow } from "../queues/queue-store.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { SCHEDULES } from "../schedules/schedule-store.ts";
import { ANY_SUBSCRIPTION, EACH_FEED, FEEDS } from "../subscriptions/feed-store.ts";

/** Rows that one step deletes, of each kind: it stays short, and what others ask comes in between two steps. */
const JOBS_PER_STEP = 100;
const ROWS_PER_STEP = 1_000;
const SCHEDULES_PER_STEP = 20;
const QUEUES_PER_STEP = 5;

/** What was deleted in one step. `more`: something may be left. */
interface Deleted {
  jobs: number;
  more: boolean;
}

/**
 * Deletes a bounded part of what a namespace has here. Subscriptions go first, so that nobody is told of the rest, and
 * schedules and operations before jobs, so that nothing brings new ones. What is done twice finds nothing the second time.
 */
export function deleteSome(step: Step, namespace: string): Deleted {
  if (deleteFeeds(step, namespace) || deleteSchedules(step, namespace) || deleteOperations(step, namespace)) {
    return { jobs: 0, more: true };
  }
  const queues = step.get(QUEUES).of(namespace);
  for (const [n, queue] of queues.entries()) {
    const { jobs, more } = deleteJobs(step, queue);
    if (more) return { jobs, more };
    if (deleteKeys(step, queue) || n + 1 === QUEUES_PER_STEP) return { jobs: 0, more: true };
    forgetQueue(step, queue);
  }
  return { jobs: 0, more: queues.length > 0 || deleteRest(step, namespace) };
}

/** Events of deleted subscriptions, and these. True when it had anything to do. */
function deleteFeeds(step: Step, namespace: string): boolean {
  const feeds = step.get(FEEDS);
  const [feed] = feeds.of(namespace);
  if (feed === undefined) return false;
  feeds.forgetSome(feed, ROWS_PER_STEP);
  step.get(QUARANTINE).releaseWith(step, { kind: EACH_FEED.kind, key: EACH_FEED.keyOf(feed) });
  step.get(ANY_SUBSCRIPTION).recheck(step);
  return true;
}

function deleteSchedules(step: Step, namespace: string): boolean {
  return step.get(SCHEDULES).forgetSome(namespace, SCHEDULES_PER_STEP) > 0;
}

/** Those of the namespace are found by their text: there are few of all. */
function deleteOperations({ sql }: Step, namespace: string): boolean {
  const query = `DELETE FROM operations WHERE id IN
    (SELECT id FROM operations INDEXED BY operations_by_namespace WHERE request ->> '$.namespace' = ? LIMIT ${ROWS_PER_STEP}) RETURNING 1 AS done`;
  return sql.all(query, namespace).length > 0;
}

/**
 * Jobs of a queue, on their way and undecided ones too. Those that have not ended are cancelled, so that whatever follows them
 * follows, and go in a later step, when the log of finished jobs names them as it does all others. `more`: it had anything to do.
 */
function deleteJobs(step: Step, { ref }: KnownQueue): Deleted {
  const outbox = step.get(OUTBOX);
  const onTheirWay = step.get(OUTGOING_COUNTS).of(ref) === 0 ? [] : outbox.ofQueue(ref, JOBS_PER_STEP);
  outbox.confirmed(step, onTheirWay);
  const undecided = step.get(RESERVATIONS).forgetQueue(step, ref);
  const jobs = step.get(JOBS);
  const over: string[] = [];
  let cancelled = 0;
  const each = ({ id }: { id: string }) => {
    const row = jobs.head(id);
    if (row === null || isFinal(row.state)) over.push(id);
    else {
      cancel(step, row);
      cancelled += 1;
    }
  };
  const rows = jobs.ofQueue(ref, JOBS_PER_STEP).map((id) => ({ id }));
  walk(step, EACH_JOB, { rows, each });
  // One that cannot be cancelled goes as it is: nothing of its queue stays that would wait for its end.
  for (const { id } of rows) if (step.get(QUARANTINE).holds(EACH_JOB.kind, id, step.now)) over.push(id);
  step.get(PROGRESS).forget(step, over);
  for (const row of removeRows(step, over)) noteOvertaken(step, row);
  const gone = onTheirWay.length + undecided + over.length;
  return { jobs: gone, more: gone + cancelled > 0 };
}

const KEYED = ["idempotency", "dedup", "gates", "rates", "parked"] as const;

/** What is remembered of the queue's keys and starts. True when a table may have more of it. */
export function deleteKeys(step: Step, { ref, settings, partitionedAt }: KnownQueue): boolean {
  // Under another number of partitions keys lay in other slots.
  const slots =
    partitionedAt === 0
      ? Array.from({ length: Math.min(settings.partitions, MAX_PARTITIONS) }, (_, partition) =>
          slotOf(settings.namespace, settings.name, partition),
        )
      : Array.from({ length: SLOTS }, (_, slot) => slot);
  const places = JSON.stringify([...new Set(slots)]);
  let more = false;
  for (const table of KEYED) {
    const key = KEY_COLUMNS[table];
    const query = `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table}
      WHERE slot IN (SELECT value FROM json_each(?)) AND queue = ? LIMIT ${ROWS_PER_STEP}) RETURNING 1 AS done`;
    if (step.sql.all(query, places, ref).length === ROWS_PER_STEP) more = true;
  }
  step.get(ANY_PARKED).recheck(step);
  return more;
}

const KEY_COLUMNS = {
  idempotency: "slot, queue, scope, key",
  dedup: "slot, queue, scope, key",
  gates: "slot, queue, key",
  rates: "slot, queue, partition",
  parked: "slot, queue, key",
} as const;

/** Its ref may be another queue's next: nothing that is kept in memory under it may stay. */
export function forgetQueue(step: Step, { ref }: KnownQueue): void {
  step.get(QUEUES).forget(ref);
  step.get(QUARANTINE).releaseWith(step, settingsRow({ ref }));
  const packs = step.get(PACKS);
  step.onCommit(() => {
    step.get(COUNTS).forget(ref);
    packs.index.forget(ref);
    step.get(METRICS).forget(ref);
    step.get(PARKED).suspects.delete(ref);
  });
}

/** Answers of batches, and letters that wait. True when it had anything to do. */
function deleteRest(step: Step, namespace: string): boolean {
  const batches = step.sql.all(
    `DELETE FROM batches WHERE (slot, namespace, key) IN (SELECT slot, namespace, key FROM batches
       WHERE slot IN (SELECT value FROM json_each(?)) AND namespace = ? LIMIT ${ROWS_PER_STEP}) RETURNING 1 AS done`,
    JSON.stringify(Array.from({ length: SLOTS }, (_, slot) => slot)),
    namespace,
  ).length;
  const letters = step.get(OUTBOX).forgetLetters(step, namespace);
  step.get(STORED_BYTES).forget(step, namespace);
  return batches + letters > 0;
}
