import { PageQuery } from "../list.ts";
import { ok, type Route } from "./route.ts";

export const DEAD_LETTERS_ROUTES: Route[] = [
  {
    id: "listFailures",
    method: "get",
    path: "/v1/queues/{queue}/failures",
    scope: "read",
    summary: "List the kinds of failures of a queue, the most frequent first",
    query: PageQuery,
    answers: [ok("FailureList", "A page")],
    problems: ["queue-not-found", "invalid-request"],
  },
  {
    id: "redriveQueue",
    method: "post",
    path: "/v1/queues/{queue}/redrive",
    scope: "admin",
    summary: "Run failed jobs again, here or in another queue",
    body: "RedriveRequest",
    bodyOptional: true,
    answers: [ok("Redriven")],
    problems: ["queue-not-found"],
  },
  {
    id: "purgeQueue",
    method: "post",
    path: "/v1/queues/{queue}/purge",
    scope: "admin",
    summary: "Cancel all queued and scheduled jobs, or discard failed ones",
    body: "PurgeRequest",
    bodyOptional: true,
    answers: [ok("Purged")],
    problems: ["queue-not-found"],
  },
];
