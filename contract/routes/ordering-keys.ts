import { OrderingKeysQuery } from "../ordering-keys.ts";
import { ok, type Route } from "./route.ts";

export const ORDERING_KEYS_ROUTES: Route[] = [
  {
    id: "listOrderingKeys",
    method: "get",
    path: "/v1/queues/{queue}/keys",
    scope: "read",
    summary: "List ordering keys that stand still, the latest first",
    query: OrderingKeysQuery,
    answers: [ok("OrderingKeyList", "A page")],
    problems: ["queue-not-found", "invalid-request"],
  },
  {
    id: "unblockKey",
    method: "post",
    path: "/v1/queues/{queue}/keys/unblock",
    scope: "admin",
    summary: "Decide about the failed job that blocks an ordering key",
    body: "UnblockKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found", "key-not-blocked", "invalid-state"],
  },
  {
    id: "pauseKey",
    method: "post",
    path: "/v1/queues/{queue}/keys/pause",
    scope: "admin",
    summary: "Start no more jobs of an ordering key",
    body: "OrderingKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found"],
  },
  {
    id: "resumeKey",
    method: "post",
    path: "/v1/queues/{queue}/keys/resume",
    scope: "admin",
    summary: "Start jobs of an ordering key again",
    body: "OrderingKeyRequest",
    answers: [ok("OrderingKey", "The key as it stands now")],
    problems: ["queue-not-found"],
  },
];
