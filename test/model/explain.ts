/** Why a job does not run: the first reason that is true, in the order of `durable-objects/shard/flow/explain.ts`. */
import type { ExplainReason } from "../../contract/rpc.ts";
import { connectionsLeft } from "./connections.ts";
import { isOver, type ModelJob, rank } from "./job.ts";
import * as line from "./line.ts";
import type { Model } from "./model.ts";
import { Starts } from "./starts.ts";

/** Null `ahead`, `startAt`: not said. Undefined `ahead`: said, but only as an estimate. */
export interface Why {
  reason: ExplainReason;
  blockedBy: string | null;
  ahead: number | null | undefined;
  startAt: number | null;
  /** It is its concurrency key that holds it. */
  atGate: boolean;
}

const NO_WORKER_MS = 30_000;
const NO_EXECUTOR_MS = 10_000;

/**
 * What is said of a job for which nobody comes, from `since` on: in place of what `why` says, where nothing else holds the job
 * and nobody with room for it has come for so long. When its wait began, the model does not know: only that it did not end.
 */
export function nobodyComes(model: Model, job: ModelJob, since: number): Why | null {
  const { lane, target } = job.queue.settings;
  if (target.type !== "handler" && target.type !== "http") return null;
  if (since > model.now - NO_EXECUTOR_MS || since < model.visitedAt(`${lane}/${target.type}`)) return null;
  return limitReached(model, job) === null ? because("no-executor", { ahead: queueAhead(model, job) }) : null;
}

function because(reason: ExplainReason, more: Partial<Why> = {}): Why {
  return { reason, blockedBy: null, ahead: null, startAt: null, atGate: false, ...more };
}

export function why(model: Model, job: ModelJob): Why {
  if (isOver(job)) return because("final");
  if (job.aside !== null) return because("quarantined");
  if (job.state === "running") return because("running");
  if (job.queue.settings.paused) return because("paused");
  if (job.state === "scheduled") {
    return because(job.cameBack || job.attempt > job.spentBefore ? "retrying" : "scheduled", { startAt: job.runAt });
  }
  const head = job.orderingKey === null ? job : line.headOf(model, job.queue, job.orderingKey);
  if (head !== job) return because("ordering", { blockedBy: head?.id ?? null });
  const parked = job.orderingKey === null ? undefined : job.queue.parked.get(job.orderingKey);
  if (parked !== undefined) return because("parked", { blockedBy: parked.job?.id ?? null });
  const before = model.dedup.before(job);
  if (before !== undefined) return because("deduplication", { blockedBy: before.id });
  return limitReached(model, job) ?? inLine(model, job);
}

/** Which limit lets no more start: concurrency before rates, of its key before of its queue. */
function limitReached(model: Model, job: ModelJob): Why | null {
  const { queue, partition, concurrencyKey } = job;
  const { perKeyConcurrency, perKeyRate } = queue.settings;
  const key = line.limitsKeys(queue) ? concurrencyKey : null;
  const ready = line.ready(model, queue);
  const sameKey = keyAhead(model, job);
  const ofKey = { atGate: true, ahead: sameKey.length };
  const inPartition = ready.filter((other) => other.partition === partition && isBefore(other, job)).length;
  if (key !== null && perKeyConcurrency !== null && line.runningOfKey(model, queue, key) >= perKeyConcurrency) {
    return because("concurrency", ofKey);
  }
  if (line.places(model, queue, partition) <= 0) return because("concurrency", { ahead: inPartition });

  const { lane, target } = queue.settings;
  const unconnected = target.type === "http" && model.unconnected.has(lane);
  const isUnconnected = unconnected && model.now - (model.visits.get(lane) ?? 0) < NO_EXECUTOR_MS;
  if (connectionsLeft(model, queue) <= 0 || isUnconnected) return because("connections", { ahead: inPartition });

  const rate = line.rateOf(queue, partition);
  const starts = queue.starts.get(partition) ?? new Starts();
  const opensAt = (ahead: number) => (rate === null ? model.now : starts.opensAfter(rate, { ahead, now: model.now }));
  if (key !== null && perKeyRate !== null) {
    const keyStarts = queue.keyStarts.get(key) ?? new Starts();
    if (keyStarts.room(perKeyRate, model.now) === 0) {
      const startAt = keyStarts.opensAfter(perKeyRate, { ahead: ofKey.ahead, now: model.now });
      return because("rate", { ...ofKey, startAt: Math.max(startAt, opensAt(0)) });
    }
  }
  // Those of its key that stand at the gate before it go first too.
  const ahead = inPartition + (key === null ? 0 : sameKey.filter((other) => !ready.includes(other)).length);
  if (opensAt(0) > model.now) return because("rate", { ahead, startAt: opensAt(ahead) });
  return ready.includes(job) ? null : because("priority", ofKey);
}

function isBefore(a: ModelJob, b: ModelJob): boolean {
  return rank(a) < rank(b);
}

/** Jobs of its concurrency key that could start but for their key, and go first. */
function keyAhead(model: Model, job: ModelJob): ModelJob[] {
  const same = model.jobs.filter((other) => other.queue === job.queue && other.concurrencyKey === job.concurrencyKey);
  return same.filter((other) => line.isHead(model, other) && isBefore(other, job));
}

function inLine(model: Model, job: ModelJob): Why {
  const { queue } = job;
  const ahead = queueAhead(model, job);
  const lastClaimAt = queue.lastClaimAt ?? Math.max(job.runAt, queue.settings.updatedAt);
  if (queue.settings.target.type === "pull" && model.now - lastClaimAt >= NO_WORKER_MS) {
    return because("no-worker", { ahead });
  }
  if (ahead > 0) return because("priority", { ahead });
  const turns = turnsAhead(model, job);
  if (turns === 0) return because("ready", { ahead: 0, startAt: model.now });
  // With several partitions the shard counts room that a partition has and cannot use.
  const exact = model.queues.every(({ settings }) => settings.partitions === 1);
  return because("fairness", { ahead: exact ? turns : undefined });
}

/** Ready jobs of its queue that go first: in other partitions as many as have room. */
function queueAhead(model: Model, job: ModelJob): number {
  const { queue, partition } = job;
  const ahead = line.ready(model, queue).filter((other) => isBefore(other, job));
  const startable = new Set(line.withinLimits(model, queue, line.ready(model, queue)));
  return ahead.filter((other) => other.partition === partition || startable.has(other)).length;
}

/** Jobs of other queues that go first when one is claimed at a time. */
function turnsAhead(model: Model, job: ModelJob): number {
  const { lane, target } = job.queue.settings;
  if (target.type === "pull") return 0;
  const lines = model.queues
    .filter(({ settings }) => settings.lane === lane && settings.target.type === target.type)
    .map((queue) => ({ queue, left: Math.min(line.claimable(model, queue).length, connectionsLeft(model, queue)) }));
  const fairShare = model.fairShare.copy();
  for (let ahead = 0; ; ahead++) {
    const contenders = lines.filter(({ left }) => left > 0);
    const winner = fairShare.next(contenders.map(({ queue }) => queue));
    if (winner === job.queue) return ahead;
    for (const each of lines) if (each.queue === winner) each.left -= 1;
  }
}
