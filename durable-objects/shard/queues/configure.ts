import type { ConfigureRequest, HoldReply, HoldRequest } from "../../../contract/rpc.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUE_LISTENERS } from "./queue-change.ts";
import { QUEUES, takeSettings } from "./queue-store.ts";

/** How long a caller waits before it asks again after a queue that is frozen for a change, milliseconds. */
export const FROZEN_RETRY_MS = 50;

/** Settings pushed by the gateway. */
export function configure(step: Step, { queues }: ConfigureRequest): null {
  for (const settings of queues) takeSettings(step, settings);
  return null;
}

/**
 * Refuses new jobs of a queue for `holdMs` (0 ends that), and says what it has: the gateway is about to change or
 * delete it. The caller has pushed the settings before, so a queue that is unknown here has nothing.
 */
export function hold(step: Step, request: HoldRequest): HoldReply {
  const reply: HoldReply = { live: 0, idempotencyKeys: 0, dedupKeys: 0, parkedKeys: 0, startsCountUntil: null };
  const queue = step.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return reply;
  step.get(QUEUES).freeze(queue.ref, step.now + request.holdMs);
  for (const listener of step.get(QUEUE_LISTENERS)) {
    const holdings = listener.holdings?.(step, queue, step.now) ?? {};
    for (const count of ["live", "idempotencyKeys", "dedupKeys", "parkedKeys"] as const)
      reply[count] += holdings[count] ?? 0;
    if (holdings.startsCountUntil !== undefined) reply.startsCountUntil = holdings.startsCountUntil;
  }
  return reply;
}
