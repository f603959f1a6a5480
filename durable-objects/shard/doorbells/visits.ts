import {
  type AwaitLaneRequest,
  type AwaitWorkRequest,
  type ClaimReply,
  type ClaimRequest,
  type DeliverReply,
  type DeliverRequest,
  FIRST_PUSH_TYPES,
  type FinishedReply,
  type FinishedRequest,
  type ProjectedRequest,
  type WorkReply,
  type WorkRequest,
} from "../../../contract/rpc.ts";
import { executorsFor, MAX_EXECUTORS } from "../../../domain/bell.ts";
import type { Lane } from "../../../domain/queue.ts";
import { ROOMS } from "../../../domain/target.ts";
import { claimForLane, claimFromQueue } from "../flow/claim.ts";
import { EXECUTORS } from "../flow/executors.ts";
import { hearService } from "../flow/holds.ts";
import { claimable } from "../flow/limits.ts";
import { HISTORY, purgeRoundAt } from "../jobs/history.ts";
import { HISTORY_LOG } from "../jobs/history-log.ts";
import { historyPage } from "../jobs/history-page.ts";
import type { Patience } from "../kernel/command.ts";
import type { Engine } from "../kernel/engine.ts";
import type { Awaited } from "../kernel/long-poll.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { laneKey, QUEUES, queueKey } from "../queues/queue-store.ts";
import { reportAll } from "../reports/report.ts";
import { deliverPage } from "../subscriptions/deliver.ts";
import { BELLS, NONE_LIMITED } from "./bells.ts";
import { demandOf, executorsKey } from "./doorbells.ts";

/** The calls of those whom bells call: each tells the bells that somebody came. */

/** The processor reports, and claims again in the same step. */
export function work(engine: Engine, request: WorkRequest): WorkReply {
  return engine.step((step) => {
    engine.runDueWork(step);
    const reports = reportAll(step, request.reports, { namespace: null, withJobs: false });
    const leaves = ROOMS.every((room) => request.room[room] <= 0);
    for (const offer of request.services ?? []) hearService(step, offer, step.now);
    const { items, services } = leaves ? NOTHING : claimForLane(step, request);
    step.onCommit(() => {
      // Who asks a service is back in a moment.
      const stays = items.length > 0 || services.length > 0;
      const left = stays || leaves ? undefined : demandOf(engine, step.now).get(request.lane);
      const limited = left?.queues ?? NONE_LIMITED;
      const executor = { version: request.version ?? null, visitedAt: step.now };
      const { lane, room, types = FIRST_PUSH_TYPES } = request;
      engine.get(EXECUTORS).visitedByProcessor(lane, { room, types }, executor);
      const waits = isWait(request);
      engine.get(BELLS).answered(request.lane, { who: request.worker, stays, limited, now: step.now, waits });
    });
    return { type: "work", reports, items, ...(services.length === 0 ? {} : { services }) };
  });
}

const NOTHING = { items: [], services: [] };

/** A request that says something may not wait: it would be said again with each look. */
function isWait({ waitMs = 0, reports, services = [] }: WorkRequest): boolean {
  return waitMs > 0 && reports.length === 0 && services.length === 0;
}

/**
 * An executor that has room for every kind of job and finds none waits here for as long as its lane makes it worth while. It is
 * told in the step that brings one, without a bell, and claims like any other.
 */
export const untilClaimable: Patience<WorkRequest, WorkReply> = {
  again: (shard, { request, result, elapsedMs }) => {
    const { lane, worker, room, waitMs = 0 } = request;
    const bells = shard.get(BELLS);
    const isEmpty = result.items.length === 0 && result.services === undefined;
    const stays = isWait(request) && isEmpty && ROOMS.every((each) => room[each] > 0);
    const ms = stays ? Math.min(waitMs, bells.worthWaitingMs(lane)) - elapsedMs : 0;
    if (ms <= 0) return null;
    bells.waits(lane, worker);
    const worth = () => waitingDemand(shard, lane);
    return { key: executorsKey(lane), ms, worth };
  },
  // Its leases began only then.
  after: (result, { elapsedMs }) => (elapsedMs > 0 ? { ...result, waitedMs: elapsedMs } : result),
  leave: (shard, { lane, worker }) => shard.get(BELLS).leaves(lane, worker),
};

/** How many executors the jobs of a lane deserve that wait now. */
function waitingDemand(parts: Parts & { now(): number }, lane: Lane): number {
  const demand = demandOf(parts, parts.now()).get(lane);
  return demand === undefined ? 0 : executorsFor(demand, MAX_EXECUTORS[lane]);
}

/** A pull worker or a consumer claims jobs of one queue. */
export function claim(engine: Engine, request: ClaimRequest): ClaimReply {
  return engine.step((step) => {
    engine.runDueWork(step);
    const jobs = claimFromQueue(step, request);
    step.onCommit(() => noteClaimVisit(engine, { request, took: jobs.length, now: step.now }));
    return { type: "claimed", jobs };
  });
}

/**
 * Tells the bells of a claim through the pull door that was given `took` jobs, where its queue is a consumer's. A consumer
 * asks for one queue after another, so a queue that had nothing says nothing of the others of its line: the bell may be
 * for a queue that it does not know.
 */
function noteClaimVisit(
  parts: Parts,
  { request, took, now }: { request: ClaimRequest; took: number; now: number },
): void {
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null || queue.settings.target.type !== "consumer") return;
  parts.get(EXECUTORS).claimedByConsumer(queue, now);
  const left = took > 0 ? 0 : claimable(parts, queue, now);
  if (took === 0 && left === 0) return;
  const limited = left === 0 ? NONE_LIMITED : new Map([[queue.ref, left]]);
  parts
    .get(BELLS)
    .answered(`${queue.settings.lane}/consumer`, { who: request.worker ?? "", stays: true, limited, now });
}

/** Whether a claim would look at anything now. */
export function awaitWork(parts: Parts, request: AwaitWorkRequest, now: number): boolean {
  return jobsFor(parts, request, now) > 0;
}

type Queue = Pick<AwaitWorkRequest, "namespace" | "queue">;

/** How many jobs a claim could start now. */
function jobsFor(parts: Parts, request: Queue, now: number): number {
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  return queue === null ? 0 : claimable(parts, queue, now);
}

export const untilWork: Patience<AwaitWorkRequest, boolean> = {
  again: (shard, { request, result, elapsedMs }) =>
    result ? null : { ...workAwaited(shard, request), ms: request.waitMs - elapsedMs },
};

/** What those are woken by who wait for jobs of a queue. */
export function workAwaited(shard: Engine, queue: Queue): Awaited {
  const key = queueKey({ namespace: queue.namespace, name: queue.queue });
  return { key, worth: () => jobsFor(shard, queue, shard.now()), group: queue.namespace };
}

/** Whether a claim from the queue would look at anything now. */
export function workIsThere(shard: Engine, queue: Queue): boolean {
  return jobsFor(shard, queue, shard.now()) > 0;
}

/** Whether a processor could claim something in the lane now. */
export function awaitLane(parts: Parts, { lane }: AwaitLaneRequest, now: number): boolean {
  return (demandOf(parts, now).get(lane)?.jobs ?? 0) > 0;
}

export const untilLane: Patience<AwaitLaneRequest, boolean> = {
  again: (_, { request, result, elapsedMs }) =>
    result ? null : { key: laneKey(request.lane), ms: request.waitMs - elapsedMs },
};

/** The way of events to subscribers: reports a page of them and takes the next. */
export function deliver(step: Step, request: DeliverRequest): DeliverReply {
  const reply = deliverPage(step, request);
  const visit = { who: request.worker, stays: reply.page !== null, limited: NONE_LIMITED, now: step.now };
  step.onCommit(() => step.get(BELLS).answered("events", visit));
  return reply;
}

/** The projector asks for the next finished jobs. */
export function finished(parts: Parts, request: FinishedRequest, now: number): FinishedReply {
  const page = historyPage(parts, request, now);
  noteProjector(parts, { took: page.jobs > 0, now });
  return page;
}

/** The projector says how far history is. */
export function projected(step: Step, request: ProjectedRequest): null {
  step.get(HISTORY).noteRoom(step, request.full !== true);
  step.onCommit(() => noteProjector(step, { took: false, now: step.now }));
  step.get(HISTORY).noteProjected(step, request.cursor, request.bookmark);
  const purgeAt = step.get(HISTORY_LOG).nextPurgeAt(request.cursor, step.now);
  if (purgeAt !== null) step.wakeAt(purgeRoundAt(purgeAt, step.now));
  return null;
}

function noteProjector(parts: Parts, { took, now }: { took: boolean; now: number }): void {
  parts.get(BELLS).answered("history", { who: "projector", stays: took, limited: NONE_LIMITED, now });
}
