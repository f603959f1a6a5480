import { OrderingKeysQuery } from "../ordering-keys.ts";
import { call, ok } from "./call.ts";
import { QUEUE } from "./parameters.ts";

export const ORDERING_KEYS_CALLS = {
  listOrderingKeys: call({
    method: "get",
    path: "/v1/queues/{queue}/keys",
    parameters: { queue: QUEUE },
    scope: "read",
    summary: "List ordering keys that stand still, the latest first",
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
    body: "OrderingKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found"],
  }),
};
