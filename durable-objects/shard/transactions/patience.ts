import type { GetRequest, JobReply, ListReply, ListRequest } from "../../../contract/rpc.ts";
import { CARRY_OUT_MS } from "../../../domain/two-phase.ts";
import type { Patience } from "../kernel/command.ts";
import type { Waiting } from "../kernel/long-poll.ts";
import type { Parts } from "../kernel/part.ts";
import { untilFinal } from "../lifecycle/one-job.ts";
import { RESERVATIONS } from "../reservations/reservation-store.ts";
import { DECIDED, INQUIRIES } from "./inquiries.ts";
import { TRANSACTIONS } from "./transaction-store.ts";

/** For how long a read waits at most for the decision of a batch, milliseconds. */
const DECISION_WAIT_MS = 1_500;

/** A read of a job waits once for the batch that decides whether there is one, and then, if it is asked to, for its end. */
export const untilAnswered: Patience<GetRequest, JobReply> = {
  again(parts, { request, result, rounds, elapsedMs }) {
    if (result.type !== "busy") return untilFinal(request, result, elapsedMs);
    return rounds === 0 ? waitForDecisionOf(parts, request.id) : null;
  },
};

/**
 * A list waits once for transactions that are prepared for so long that their senders may have been told of a commit which
 * this shard has not heard.
 */
export const untilDecided: Patience<ListRequest, ListReply> = {
  again(parts, { rounds, now }) {
    if (rounds > 0 || !parts.get(RESERVATIONS).any) return null;
    return waitForDecisions(parts, parts.get(TRANSACTIONS).preparedSince(now - CARRY_OUT_MS));
  },
};

/** What to wait for until it is decided whether there is a job `id`; null when it is. */
export function waitForDecisionOf(parts: Parts, id: string): Waiting | null {
  const undecided = parts.get(RESERVATIONS).of(id);
  return undecided === null ? null : waitForDecisions(parts, [undecided.txn]);
}

/** Their coordinators are asked meanwhile, because the word may have been lost. */
function waitForDecisions(parts: Parts, txns: readonly string[]): Waiting | null {
  const inquiries = parts.get(INQUIRIES);
  for (const txn of txns) inquiries.add(txn);
  return txns.length === 0 ? null : { key: DECIDED, ms: DECISION_WAIT_MS };
}
