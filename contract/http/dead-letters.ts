import { PageQuery } from "../list.ts";
import { call, ok, SCATTERED_COST } from "./call.ts";
import { QUEUE } from "./parameters.ts";

export const DEAD_LETTERS_CALLS = {
  listFailures: call({
    method: "get",
    path: "/v1/queues/{queue}/failures",
    parameters: { queue: QUEUE },
    scope: "read",
    heavy: true,
    summary: "List the kinds of failures of a queue, the most frequent first",
    description: "Groups the failed jobs of the queue by the kind of their error, with one job of each as an example.",
    query: PageQuery,
    answers: [ok("FailureList", "A page")],
    problems: ["queue-not-found", "invalid-request"],
  }),
  redriveQueue: call({
    method: "post",
    path: "/v1/queues/{queue}/redrive",
    parameters: { queue: QUEUE },
    scope: "admin",
    cost: SCATTERED_COST,
    summary: "Run failed jobs again, here or in another queue",
    description:
      "Runs failed jobs again that match a filter, as they were, changed by a patch, or in another queue. A call does a bounded part: send it again while the answer says `more`.",
    body: "RedriveRequest",
    bodyOptional: true,
    answers: [ok("Redriven")],
    problems: ["queue-not-found"],
  }),
  purgeQueue: call({
    method: "post",
    path: "/v1/queues/{queue}/purge",
    parameters: { queue: QUEUE },
    scope: "admin",
    cost: SCATTERED_COST,
    summary: "Cancel all queued and scheduled jobs, or discard failed ones",
    description:
      "Without `failed` cancels everything that is queued or scheduled; with it deletes failed jobs that match the filter.",
    body: "PurgeRequest",
    bodyOptional: true,
    answers: [ok("Purged")],
    problems: ["queue-not-found"],
  }),
};
