import type { Doorbell } from "../../../contract/doorbell.ts";
import { isPushed, type QueueSettings } from "../../../domain/queue.ts";
import { claimable, rateHoldsUntil } from "../flow/limits.ts";
import { COUNTS } from "../jobs/counts.ts";
import { HISTORY } from "../jobs/history.ts";
import { METRICS } from "../jobs/metrics.ts";
import { Part, type Parts } from "../kernel/part.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { ANY_SUBSCRIPTION } from "../subscriptions/feed-store.ts";
import { openFeeds } from "../subscriptions/subscriptions.ts";
import { BELLS, type Demand, LINES, type Line, type WorkLine } from "./bells.ts";

/** Sends a doorbell. A hint: it may fail or be lost, and never throws. The object gives the real one. */
export const RING = new Part("ring", (): ((bell: Doorbell, delaySeconds: number) => void) => () => {
  throw new Error("nobody gave this shard a way to ring");
});

/**
 * After a step: rings the bells that are owed. Answers when to look again: a bell goes unanswered, or a rate lets the next
 * job start that it holds back, so that executors and waiting workers are told then. Null: when something changes.
 */
export function ringBells(parts: Parts, now: number): number | null {
  const { bells, wakeAt } = parts.get(BELLS).due(demandOf(parts, now), now);
  const ring = parts.get(RING);
  for (const { bell, delaySeconds } of bells) ring(bell, delaySeconds);
  parts.get(METRICS).totals.bells += bells.length;
  let soonest = wakeAt;
  for (const queue of queuesWithReady(parts)) {
    const at = queue.settings.rate === null ? null : rateHoldsUntil(parts, queue, now);
    if (at !== null && (soonest === null || at < soonest)) soonest = at;
  }
  return soonest;
}

/** The line whose bell calls for the jobs of a queue; null where nobody is called. */
function lineOf({ target, lane }: QueueSettings): WorkLine | null {
  if (isPushed(target)) return lane;
  return target.type === "consumer" ? `${lane}/consumer` : null;
}

/** A shard knows every queue there is, and mostly few of them have work. */
function queuesWithReady(parts: Parts): KnownQueue[] {
  const queues = parts.get(QUEUES);
  return [...parts.get(COUNTS).withReady()].map((ref) => queues.get(ref));
}

/**
 * What an executor, the projector or a deliverer of events could take now, by line. A limit that is used up makes its jobs
 * wait unrung.
 */
export function demandOf(parts: Parts, now: number): Demand[] {
  const byLine = Map.groupBy(queuesWithReady(parts), ({ settings }) => lineOf(settings));
  return LINES.map((line) => demandIn(parts, line, { queues: byLine.get(line as WorkLine) ?? [], now }));
}

function demandIn(parts: Parts, line: Line, { queues, now }: { queues: KnownQueue[]; now: number }): Demand {
  if (line === "history") return { line, jobs: parts.get(HISTORY).lacks ? 1 : 0, queues: NO_QUEUES };
  if (line === "events") return { line, jobs: feedsToServe(parts, now), queues: NO_QUEUES };
  const byQueue = new Map(queues.map((queue) => [queue.ref, jobsToClaim(parts, queue, now)]));
  return { line, jobs: [...byQueue.values()].reduce((sum, n) => sum + n, 0), queues: byQueue };
}

function feedsToServe(parts: Parts, now: number): number {
  return parts.get(ANY_SUBSCRIPTION).any ? openFeeds(parts, now).length : 0;
}

/** A queue that nothing limits is asked for nothing but its count. */
function jobsToClaim(parts: Parts, queue: KnownQueue, now: number): number {
  const { concurrency, rate, paused } = queue.settings;
  const unlimited = concurrency === null && rate === null && !paused;
  return unlimited ? parts.get(COUNTS).of(queue.ref).ready : claimable(parts, queue, now);
}

const NO_QUEUES = new Map<number, number>();
