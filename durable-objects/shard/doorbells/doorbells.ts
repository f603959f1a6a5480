import type { Doorbell } from "../../../contract/doorbell.ts";
import { WORK_LINES } from "../../../domain/queue.ts";
import { EXECUTORS } from "../flow/executors.ts";
import { FULL_RETRY_MS, HISTORY } from "../jobs/history.ts";
import { METRICS } from "../jobs/metrics.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { ANY_SUBSCRIPTION } from "../subscriptions/feed-store.ts";
import { OPEN_FEEDS } from "../subscriptions/open-feeds.ts";
import { BELLS, type Demand, type Line } from "./bells.ts";
import { DEMAND, type LineDemand, NO_HTTP } from "./demand.ts";

/** Sends a doorbell. A hint: it may fail or be lost, and never throws. The object gives the real one. */
export const RING = new Part("ring", (): ((bell: Doorbell, delaySeconds: number) => void) => () => {
  throw new Error("nobody gave this shard a way to ring");
});

/** Wakes those who wait for a key, `most` of them at most. The object gives the real one; without it nobody waits. */
export const CALL_WAITING = new Part("call waiting", (): ((key: string, most: number) => void) => () => undefined);

/** What executors of a line wait for at the shard. */
export function executorsKey(line: Line): string {
  return `executors:${line}`;
}

/**
 * After a step: rings the bells that are owed. Answers when to look again: a bell goes unanswered, or a rate lets the next
 * job start that it holds back, so that executors and waiting workers are told then. Null: when something changes. What it
 * costs depends on the queues and feeds that the step touched.
 */
export function ringBells(parts: Parts, now: number): number | null {
  const demand = demandOf(parts, now);
  const book = parts.get(DEMAND);
  const changes = book.takeChanges();
  // Before the bells, which write down since when nobody has come.
  const executors = parts.get(EXECUTORS);
  if (changes.visits.size > 0 || executors.isStale)
    executors.wait(changes.visits, (visit) => book.lineOfVisit(visit), now);
  const owed = parts.get(BELLS);
  for (const change of changes.queues) owed.noteChange(change, now);
  const { bells, called, wakeAt } = owed.due(demand, now);
  for (const { line, executors } of called) parts.get(CALL_WAITING)(executorsKey(line), executors);
  if (bells.length > 0) {
    const ring = parts.get(RING);
    for (const { bell, delaySeconds } of bells) ring(bell, delaySeconds);
    parts.get(METRICS).totals.bells += bells.length;
  }
  const opensAt = book.opensAt();
  return wakeAt === null || opensAt === null ? (wakeAt ?? opensAt) : Math.min(wakeAt, opensAt);
}

const NO_QUEUES: LineDemand["queues"] = new Map();

/** Where history has no room it is tried again after a while. */
function isWorthTrying({ lacks, refusedAt }: { lacks: boolean; refusedAt: number | null }, now: number): boolean {
  return lacks && (refusedAt === null || Math.abs(now - refusedAt) >= FULL_RETRY_MS);
}

/**
 * What an executor, the projector or a deliverer of events could take now, by line; a line where nothing waits is left
 * out.
 */
export function demandOf(parts: Parts, now: number): Demand {
  const demand = new Map<Line, LineDemand>();
  const book = parts.get(DEMAND);
  book.refresh(now);
  for (const line of WORK_LINES) {
    const waiting = book.line(line);
    if (waiting !== null) demand.set(line, waiting);
  }
  const history = parts.get(HISTORY);
  if (isWorthTrying(history, now)) demand.set("history", { jobs: 1, http: NO_HTTP, queues: NO_QUEUES });
  const feeds = parts.get(ANY_SUBSCRIPTION).any ? parts.get(OPEN_FEEDS).count(now) : 0;
  if (feeds > 0) demand.set("events", { jobs: feeds, http: NO_HTTP, queues: NO_QUEUES });
  return demand;
}
