import { type NewJob, type ReceiveReply, type ReceiveRequest, RPC_VERSION } from "../../../contract/rpc.ts";
import { partitionOf } from "../../../domain/slots.ts";
import { isRefusal, submit } from "../jobs/submit.ts";
import { takeSettings } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { keysOf } from "../transactions/transaction-keys.ts";
import type { Turn } from "../turn.ts";
import { PATIENCE_MS } from "./courier.ts";
import { placingKeys } from "./place.ts";

/** Characters of a payload that a letter carries: a message may have 128 KB, and a character three bytes. */
const MAX_LETTER_CHARACTERS = 24_000;

/** A job that has come to the owner of its slot. */
export interface Arrival {
  queue: KnownQueue;
  job: NewJob;
}

/** Takes what another shard hands over: each job once, however often it comes. The mark is written in the step that takes it. */
export function receive(turn: Turn, request: ReceiveRequest): Extract<ReceiveReply, { type: "received" }> {
  const { spawns } = turn.stores;
  const queues = request.queues.map((settings) => takeSettings(turn, settings));
  const marks = new Map<number, number>();
  const stuck = new Set<number>();
  const arrivals: Arrival[] = [];
  const left: number[] = [];
  for (const { seq, slot, job } of request.jobs) {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    if (seq <= (marks.get(slot) ?? spawns.mark(slot, request.source))) continue;
    if (stuck.has(slot) || isUndecidable(turn, { queue, job })) {
      stuck.add(slot);
      left.push(seq);
      continue;
    }
    arrivals.push({ queue, job });
    marks.set(slot, seq);
  }
  takeIn(turn, arrivals);
  for (const [slot, seq] of marks) spawns.setMark(slot, request.source, seq);
  return { type: "received", left };
}

/** What becomes of the job is known in a moment: its queue is held for a change, or a key of it by an atomic batch. */
export function isUndecidable(turn: Turn, { queue, job }: Arrival): boolean {
  const { transactions } = turn.stores;
  return queue.heldUntil > turn.now || (transactions.any && transactions.reserves(queue.ref, keysOf(job)));
}

/**
 * Accepts jobs that can be decided now. The success that brought them is recorded, so nobody is there to hear of a refusal:
 * no full backlog refuses them, and what is refused for good becomes a dead letter in this very step.
 */
export function takeIn(turn: Turn, arrivals: Arrival[]): void {
  const here = arrivals.filter((arrival) => {
    const reason = displaced(arrival);
    if (reason !== null) refuse(turn, arrival, reason);
    return reason === null;
  });
  if (here.length === 0) return;
  const queues = [...new Set(here.map(({ queue }) => queue))];
  const outcome = submit(turn, {
    v: RPC_VERSION,
    epoch: 0,
    queues: queues.map(({ settings }) => settings),
    jobs: here.map(({ queue, job }) => ({ ...job, queue: queues.indexOf(queue) })),
    atomic: false,
    exempt: true,
  });
  if (outcome.type !== "submitted") throw new Error(`spawned jobs were answered ${outcome.type}`);
  for (const [i, result] of outcome.results.entries()) {
    const arrival = here[i];
    if (arrival !== undefined && isRefusal(result)) refuse(turn, arrival, result.type);
  }
}

/** Why there is no place for the job any more: its queue was changed though the job was on its way. */
function displaced({ queue: { settings }, job }: Arrival): string | null {
  if (settings.deleted) return "queue-deleted";
  // A draw that no key overrules is not a partition.
  const placed = partitionOf(placingKeys(job), settings.partitions, -1);
  const isThere = placed < 0 ? job.partition < settings.partitions : placed === job.partition;
  return isThere ? null : "repartitioned";
}

function refuse(turn: Turn, { queue: { settings }, job }: Arrival, reason: string): void {
  const { spawns, metrics } = turn.stores;
  spawns.write({
    v: 1,
    kind: "spawn",
    id: job.id,
    parent: job.parent ?? "",
    namespace: settings.namespace,
    queue: settings.name,
    reason,
    refusedAt: turn.now,
    orderingKey: job.orderingKey,
    idempotencyKey: job.idempotency?.key ?? null,
    dedupKey: job.dedup?.key ?? null,
    payload: job.payload.slice(0, MAX_LETTER_CHARACTERS),
  });
  turn.wake(turn.now + PATIENCE_MS);
  turn.onCommit(() => {
    spawns.recount();
    metrics.totals.spawnsRefused += 1;
  });
}
