import type { ClaimRequest } from "../../../contract/rpc.ts";
import { type Bells, NOTHING_HELD } from "../bells.ts";
import type { Stores } from "../turn.ts";
import { claimable } from "./limits.ts";

/**
 * Tells the bells of a claim through the pull door that was given `took` jobs, where its queue is a consumer's. A consumer
 * asks for one queue after another, so a queue that had nothing says nothing of the others of its line: the bell may be
 * for a queue that it does not know.
 */
export function consumerCame(
  bells: Bells,
  stores: Stores,
  { request, took, now }: { request: ClaimRequest; took: number; now: number },
): void {
  const queue = stores.queues.find(request.namespace, request.queue);
  if (queue === null || queue.settings.target.type !== "consumer") return;
  const left = took > 0 ? 0 : claimable(stores, queue, now);
  if (took === 0 && left === 0) return;
  const held = left === 0 ? NOTHING_HELD : new Map([[queue.ref, left]]);
  bells.answered(`${queue.settings.lane}/consumer`, { who: request.worker ?? "", stays: true, held, now });
}
