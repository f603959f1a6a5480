import { PageQuery } from "../list.ts";
import { accepted, call, ok } from "./call.ts";
import { OPERATION_ID } from "./parameters.ts";

export const OPERATIONS_CALLS = {
  startOperation: call({
    method: "post",
    path: "/v1/operations",
    scope: "admin",
    summary: "Cancel, retry or delete every job that a filter selects",
    body: "OperationRequest",
    sends: ["Idempotency-Key"],
    answersWith: ["Dure-Replayed"],
    answers: [accepted("Operation"), ok("Operation", "The idempotency key was seen before")],
    problems: ["idempotency-mismatch", "too-many-operations"],
  }),
  listOperations: call({
    method: "get",
    path: "/v1/operations",
    scope: "read",
    summary: "List bulk operations, newest first",
    query: PageQuery,
    answers: [ok("OperationList", "A page")],
    problems: ["invalid-request"],
  }),
  getOperation: call({
    method: "get",
    path: "/v1/operations/{id}",
    parameters: { id: OPERATION_ID },
    scope: "read",
    summary: "Read how far a bulk operation has come",
    answers: [ok("Operation")],
    problems: ["operation-not-found"],
  }),
};
