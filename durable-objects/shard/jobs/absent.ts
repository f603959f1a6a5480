import type { Absent, Busy, JobRequest } from "../../../contract/rpc.ts";
import { UNDECIDED_RETRY_MS } from "../transactions/transaction.ts";
import type { Stores } from "../turn.ts";

/** There is no job by that name; unless the batch that brings it commits, which whoever asks has to wait for. */
export function absent({ discarded, queues, transactions }: Stores, { namespace, id }: JobRequest): Absent | Busy {
  const undecided = transactions.of(id);
  if (undecided !== null && queues.get(undecided.queue).settings.namespace === namespace) {
    return { type: "busy", retryAfterMs: UNDECIDED_RETRY_MS };
  }
  return { type: discarded.find(id) === null ? "none" : "gone" };
}
