import type { HoldReply, HoldRequest } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { startsCountUntil } from "../claiming/limits.ts";
import { blocks } from "../claiming/ordering.ts";
import type { Turn } from "../turn.ts";
import type { KnownQueue } from "./queue-store.ts";

/**
 * Takes settings that are newer than the known ones, wherever they come from; answers the queue as it is known
 * then. A limit that is new counts the jobs that run already.
 */
export function takeSettings(turn: Turn, settings: QueueSettings): KnownQueue {
  const { queue, before } = turn.stores.queues.learn(settings, turn.now);
  const limitIsNew = settings.concurrency !== null && (before === null || before.concurrency === null);
  if (queue.settings === settings && limitIsNew) turn.stores.jobs.holdRunning(queue.ref);
  if (queue.settings === settings && before !== null && keyLimitsDiffer(before, settings)) {
    turn.stores.flow.lookAtAll(queue.ref, turn.now);
    turn.wake(turn.now);
  }
  if (queue.settings === settings && !blocks(settings) && turn.stores.parked.suspect(queue.ref)) turn.wake(turn.now);
  return queue;
}

function keyLimitsDiffer(a: QueueSettings, b: QueueSettings): boolean {
  const limits = ({ perKeyConcurrency, perKeyRate }: QueueSettings) => JSON.stringify([perKeyConcurrency, perKeyRate]);
  return limits(a) !== limits(b);
}

/** Settings pushed by the gateway. */
export function configure(turn: Turn, queues: QueueSettings[]): void {
  for (const settings of queues) takeSettings(turn, settings);
}

/**
 * Refuses new jobs of a queue for `holdMs` (0 lifts it), and says what it has: the gateway is about to change or
 * delete it. The caller has pushed the settings before, so a queue that is unknown here cannot be held.
 */
export function hold(turn: Turn, request: HoldRequest): HoldReply {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { live: 0, idempotencyKeys: 0, dedupKeys: 0, parkedKeys: 0, startsCountUntil: null };
  turn.stores.queues.hold(queue.ref, turn.now + request.holdMs);
  const { ready, blocked, scheduled, running } = turn.stores.counts.of(queue.ref);
  return {
    live:
      ready +
      blocked +
      scheduled +
      running +
      turn.stores.transactions.count(queue.ref) +
      turn.stores.spawns.count(queue.ref),
    idempotencyKeys: turn.stores.keys.count(queue.ref, turn.now),
    dedupKeys: turn.stores.dedup.count(queue.ref, turn.now),
    parkedKeys: turn.stores.parked.count(queue.ref),
    startsCountUntil: startsCountUntil(turn.stores, queue, turn.now),
  };
}
