import { utf8Bytes } from "../../../contract/primitives.ts";
import { type NewJob, type ReceiveReply, type ReceiveRequest, RPC_VERSION } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { partitionOf } from "../../../domain/slots.ts";
import { METRICS } from "../jobs/metrics.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { admissionOf } from "../lifecycle/admission.ts";
import { isRefusal, submit } from "../lifecycle/submit.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { isSameQueue, takeSettings } from "../queues/queue-store.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { keysOf } from "../reservations/reserved-keys.ts";
import { partitionKeysOf } from "./assign-slots.ts";
import { PATIENCE_MS } from "./outbox-schedule.ts";
import { OUTBOX } from "./outbox-store.ts";

/** Characters of a payload that a letter carries: a message may have 128 KB, and a character three bytes. */
const MAX_LETTER_CHARACTERS = 24_000;

/** The kind of jobs that come from other shards, as rows that are walked over. */
const INCOMING = "spawned jobs";

/** A job that has come to the owner of its slot. */
export interface IncomingJob {
  queue: KnownQueue;
  job: NewJob;
}

/** Takes what another shard hands over: each job once, however often it comes. The mark is written in the step that takes it. */
export function receive(step: Step, request: ReceiveRequest): Extract<ReceiveReply, { type: "received" }> {
  const outbox = step.get(OUTBOX);
  const queues = request.queues.map((settings) => queueOf(step, settings));
  const marks = new Map<number, number>();
  const stuck = new Set<number>();
  const incoming: IncomingJob[] = [];
  const left: number[] = [];
  const unfit: number[] = [];
  for (const { seq, slot, job } of request.jobs) {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    if (seq <= (marks.get(slot) ?? outbox.mark(slot, request.source))) continue;
    // The sender puts it aside, and only then does what follows it go past it: what it is sent as next is a number above.
    if (!stuck.has(slot) && !step.get(QUARANTINE).enters({ kind: INCOMING, key: job.id }, step.now, { asked: true })) {
      stuck.add(slot);
      left.push(seq);
      unfit.push(seq);
      continue;
    }
    if (stuck.has(slot) || (!isGone(step, queue) && waits(step, { queue, job }))) {
      stuck.add(slot);
      left.push(seq);
      continue;
    }
    marks.set(slot, seq);
    if (!isGone(step, queue)) incoming.push({ queue, job });
  }
  takeIn(step, incoming);
  const quarantine = step.get(QUARANTINE);
  for (const { job } of incoming) quarantine.leaves(step, { kind: INCOMING, key: job.id });
  for (const [slot, seq] of marks) outbox.setMark(slot, request.source, seq);
  return { type: "received", left, unfit };
}

/** The queue that the sender meant: a deleted one where another has its name by now, so that nothing of it comes in there. */
function queueOf(step: Step, sent: QueueSettings): KnownQueue {
  const queue = takeSettings(step, sent);
  return isSameQueue(queue.settings, sent) ? queue : { ...queue, settings: { ...sent, deleted: true }, frozenUntil: 0 };
}

/** Of a namespace that is being deleted nothing comes in. */
function isGone(step: Step, { settings }: KnownQueue): boolean {
  return step.get(NAMESPACES).isGone(settings.namespace);
}

/** Whether the job is to be sent again. If not, it has its room from here on. */
function waits(step: Step, incoming: IncomingJob): boolean {
  if (isUndecidable(step, incoming)) return true;
  const { queue, job } = incoming;
  const admission = admissionOf(step);
  const size = { priority: job.priority, bytes: utf8Bytes(job.payload) };
  if (admission.refusal(queue, size, "arrived") !== null) return true;
  admission.took(queue, size);
  return false;
}

/**
 * What becomes of the job is known in a moment: its queue is frozen for a change, or a key of it by an atomic batch.
 */
export function isUndecidable(step: Step, { queue, job }: IncomingJob): boolean {
  if (queue.frozenUntil > step.now) return true;
  const reservations = step.get(RESERVATIONS);
  return reservations.any && reservations.reserves(queue.ref, keysOf(job));
}

/**
 * Accepts jobs that can be decided now and were let in. The success that brought them is recorded, so nobody is there to hear
 * of a refusal: what is refused for good becomes a dead letter in this very step. What is of an earlier namespace of the name goes without a
 * trace.
 */
export function takeIn(step: Step, incoming: readonly IncomingJob[]): void {
  const namespaces = step.get(NAMESPACES);
  const here = incoming.filter((incoming) => {
    if (namespaces.isLate(incoming.queue.settings.namespace, incoming.job.id)) return false;
    const reason = displaced(incoming);
    if (reason !== null) refuse(step, incoming, reason);
    return reason === null;
  });
  if (here.length === 0) return;
  const queues = [...new Set(here.map(({ queue }) => queue))];
  const outcome = submit(step, {
    v: RPC_VERSION,
    epoch: 0,
    queues: queues.map(({ settings }) => settings),
    jobs: here.map(({ queue, job }) => ({ ...job, queue: queues.indexOf(queue) })),
    atomic: false,
    exempt: "admitted",
  });
  if (outcome.type !== "submitted") throw new Error(`spawned jobs were answered ${outcome.type}`);
  for (const [i, result] of outcome.results.entries()) {
    const incoming = here[i];
    if (incoming !== undefined && isRefusal(result)) refuse(step, incoming, result.type);
  }
}

/** Why there is no place for the job any more: its queue was changed though the job was on its way. */
function displaced({ queue: { settings }, job }: IncomingJob): string | null {
  if (settings.deleted) return "queue-deleted";
  // A draw that no key overrules is not a partition.
  const assigned = partitionOf(partitionKeysOf(job), settings.partitions, -1);
  const isThere = assigned < 0 ? job.partition < settings.partitions : assigned === job.partition;
  return isThere ? null : "repartitioned";
}

function refuse(step: Step, { queue: { settings }, job }: IncomingJob, reason: string): void {
  step.get(OUTBOX).write(step, {
    v: 1,
    kind: "spawn",
    id: job.id,
    parent: job.parent ?? "",
    namespace: settings.namespace,
    queue: settings.name,
    reason,
    refusedAt: step.now,
    orderingKey: job.orderingKey,
    idempotencyKey: job.idempotency?.key ?? null,
    dedupKey: job.dedup?.key ?? null,
    payload: job.payload.slice(0, MAX_LETTER_CHARACTERS),
  });
  step.wakeAt(step.now + PATIENCE_MS);
  const { totals } = step.get(METRICS);
  step.onCommit(() => {
    totals.spawnsRefused += 1;
  });
}
