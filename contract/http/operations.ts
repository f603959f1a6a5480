import { PageQuery } from "../list.ts";
import { accepted, call, ok, PAGE_COST, SCATTERED_COST } from "./call.ts";
import { OPERATION_ID } from "./parameters.ts";

export const OPERATIONS_CALLS = {
  startOperation: call({
    method: "post",
    path: "/v1/operations",
    scope: "admin",
    cost: SCATTERED_COST,
    summary: "Cancel, retry or delete every job that a filter selects",
    description:
      "Stores the operation and begins with it; it goes on by itself until every job that the filter selects has been looked at. With an idempotency key a second call answers the first operation.",
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
    cost: PAGE_COST,
    summary: "List bulk operations, newest first",
    description: "Lists the bulk operations of the namespace, with how far each is.",
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
    description: "Reads how many jobs the operation has looked at, changed and could not change.",
    answers: [ok("Operation")],
    problems: ["operation-not-found"],
  }),
};
