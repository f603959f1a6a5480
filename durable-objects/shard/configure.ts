import type { HoldReply, HoldRequest } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Sql } from "../sql.ts";
import type { Turn } from "./turn.ts";

/** Takes settings that are newer than the known ones. */
export function configure(turn: Turn, sql: Sql, queues: QueueSettings[]): void {
  for (const settings of queues) {
    const { queue, before } = turn.stores.queues.learn(settings);
    if (queue.settings !== settings) continue;
    // A new limit counts the jobs that run already.
    if (settings.concurrency !== null && (before === null || before.concurrency === null)) {
      sql.run(
        "UPDATE jobs SET held = 1 WHERE due_at IS NOT NULL AND queue = ? AND state = 'running' AND held = 0",
        queue.ref,
      );
    }
  }
}

/** Refuses new jobs of a queue for a while, and says what it has: the gateway is about to change or delete it. */
export function hold(turn: Turn, request: HoldRequest): HoldReply {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { live: 0, idempotencyKeys: 0 };
  turn.stores.queues.hold(queue.ref, turn.now + request.holdMs);
  const { ready, blocked, scheduled, running } = turn.stores.counts.of(queue.ref);
  return {
    live: ready + blocked + scheduled + running,
    idempotencyKeys: turn.stores.keys.count(queue.ref, turn.now),
  };
}
