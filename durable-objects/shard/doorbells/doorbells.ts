import type { Doorbell } from "../../../contract/doorbell.ts";
import { type WorkLine, workLineOf } from "../../../domain/queue.ts";
import { connectionRoom, connectionShares } from "../flow/connections.ts";
import { EXECUTORS, visitOf } from "../flow/executors.ts";
import { claimable, rateHoldsUntil, readyJobs } from "../flow/limits.ts";
import { COUNTS } from "../jobs/counts.ts";
import { HISTORY } from "../jobs/history.ts";
import { METRICS } from "../jobs/metrics.ts";
import { Part, type Parts } from "../kernel/part.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { ANY_SUBSCRIPTION } from "../subscriptions/feed-store.ts";
import { openFeeds } from "../subscriptions/subscriptions.ts";
import { BELLS, type Demand, type Line, type LineDemand } from "./bells.ts";

/** Sends a doorbell. A hint: it may fail or be lost, and never throws. The object gives the real one. */
export const RING = new Part("ring", (): ((bell: Doorbell, delaySeconds: number) => void) => () => {
  throw new Error("nobody gave this shard a way to ring");
});

/**
 * After a step: rings the bells that are owed. Answers when to look again: a bell goes unanswered, or a rate lets the next
 * job start that it holds back, so that executors and waiting workers are told then. Null: when something changes.
 */
export function ringBells(parts: Parts, now: number): number | null {
  const demand = demandOf(parts, now);
  // Before the bells, which write down since when nobody has come.
  const executors = parts.get(EXECUTORS);
  const visits = visitsFor(parts, demand);
  if (visits.size > 0 || executors.anyWaiting) executors.wait(visits, now);
  const { bells, wakeAt } = parts.get(BELLS).due(demand, now);
  if (bells.length > 0) {
    const ring = parts.get(RING);
    for (const { bell, delaySeconds } of bells) ring(bell, delaySeconds);
    parts.get(METRICS).totals.bells += bells.length;
  }
  const opensAt = rateOpensAt(parts, now);
  return wakeAt === null || opensAt === null ? (wakeAt ?? opensAt) : Math.min(wakeAt, opensAt);
}

/** When a rate next lets a job start that it holds back now; null when none holds any back. */
function rateOpensAt(parts: Parts, now: number): number | null {
  const queues = parts.get(QUEUES);
  let soonest: number | null = null;
  for (const ref of parts.get(COUNTS).withReady()) {
    const queue = queues.get(ref);
    const at = queue.settings.rate === null ? null : rateHoldsUntil(parts, queue, now);
    if (at !== null && (soonest === null || at < soonest)) soonest = at;
  }
  return soonest;
}

/** The visits for which what waits would be claimed, each with its line. */
function visitsFor(parts: Parts, demand: Demand): Map<string, WorkLine> {
  const visits = new Map<string, WorkLine>();
  const queues = parts.get(QUEUES);
  for (const { queues: waiting } of demand.values()) {
    for (const ref of waiting.keys()) {
      const queue = queues.get(ref);
      const line = workLineOf(queue.settings);
      if (line !== null) visits.set(visitOf(queue), line);
    }
  }
  return visits;
}

/**
 * What an executor, the projector or a deliverer of events could take now, by line; a line where nothing waits is left
 * out. A limit that is used up makes its jobs wait unrung.
 */
export function demandOf(parts: Parts, now: number): Demand {
  const demand = new Map<Line, LineDemand>();
  const queues = parts.get(QUEUES);
  // A shard knows every queue there is, and mostly few of them have work.
  for (const ref of parts.get(COUNTS).withReady()) {
    const queue = queues.get(ref);
    const line = workLineOf(queue.settings);
    const jobs = line === null ? 0 : Math.min(jobsToClaim(parts, queue, now), connectionRoomOf(parts, queue));
    if (line === null || jobs === 0) continue;
    const inLine = demand.get(line) ?? { jobs: 0, queues: new Map() };
    inLine.jobs += jobs;
    inLine.queues.set(ref, jobs);
    demand.set(line, inLine);
  }
  if (parts.get(HISTORY).lacks) demand.set("history", { jobs: 1, queues: new Map() });
  const feeds = parts.get(ANY_SUBSCRIPTION).any ? openFeeds(parts, now).length : 0;
  if (feeds > 0) demand.set("events", { jobs: feeds, queues: new Map() });
  return demand;
}

/** While its share of the lane's connections is full a queue owes no bell: the step that gives one back rings. */
function connectionRoomOf(parts: Parts, queue: KnownQueue): number {
  return Math.max(0, connectionRoom(connectionShares(parts, queue)));
}

/** A queue that nothing limits is asked for nothing but its count. */
function jobsToClaim(parts: Parts, queue: KnownQueue, now: number): number {
  const { concurrency, rate, paused } = queue.settings;
  const unlimited = concurrency === null && rate === null && !paused;
  return unlimited ? readyJobs(parts, queue.ref, now) : claimable(parts, queue, now);
}
