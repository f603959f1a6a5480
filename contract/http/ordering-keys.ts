import { OrderingKeysQuery } from "../ordering-keys.ts";
import { call, ok } from "./call.ts";
import { QUEUE } from "./parameters.ts";

export const ORDERING_KEYS_CALLS = {
  listOrderingKeys: call({
    method: "get",
    path: "/v1/queues/{queue}/keys",
    parameters: { queue: QUEUE },
    scope: "read",
    heavy: true,
    summary: "List ordering keys that stand still, the latest first",
    description:
      "Lists the ordering keys that no job is started of: blocked by a failed job, or paused by an operator.",
    query: OrderingKeysQuery,
    answers: [ok("OrderingKeyList", "A page")],
    problems: ["queue-not-found", "invalid-request"],
  }),
  unblockKey: call({
    method: "post",
    path: "/v1/queues/{queue}/keys/unblock",
    parameters: { queue: QUEUE },
    scope: "admin",
    summary: "Decide about the failed job that blocks an ordering key",
    description: "Retries, skips or discards the failed job that blocks the key, so that the jobs behind it go on.",
    body: "UnblockKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found", "key-not-blocked", "invalid-state"],
  }),
  pauseKey: call({
    method: "post",
    path: "/v1/queues/{queue}/keys/pause",
    parameters: { queue: QUEUE },
    scope: "admin",
    summary: "Start no more jobs of an ordering key",
    description: "Parks one ordering key: the job of it that runs goes on, and no other is started.",
    body: "OrderingKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found"],
  }),
  resumeKey: call({
    method: "post",
    path: "/v1/queues/{queue}/keys/resume",
    parameters: { queue: QUEUE },
    scope: "admin",
    summary: "Start jobs of an ordering key again",
    description: "Lets an ordering key go that was paused.",
    body: "OrderingKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found"],
  }),
};
