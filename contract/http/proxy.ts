import type { CallDefinition } from "./call.ts";
import { PROXY_PATH, SERVICE } from "./parameters.ts";

/** The methods that the proxy passes on. */
export const PROXY_METHODS = ["get", "head", "post", "put", "patch", "delete", "options"] as const;

/**
 * The call that is passed on to an instance of a service. It has no body and no answer of its own, so it is not one of `CALLS`: it has
 * a door of its own, behind the same checks.
 */
export const PROXY = {
  path: "/v1/services/{service}/proxy/{path}",
  parameters: { service: SERVICE, path: PROXY_PATH },
  scope: "invoke",
  summary: "Send a request to a service",
  description:
    "Sends the request to an instance of the service: method, path, query, headers and body go through as they are, both ways and as they come, and so does a WebSocket. What belongs to one connection does not (RFC 9110, 7.6.1), nor do `Authorization`, cookies, and headers whose names begin with `dure-`. The instance is told `dure-deadline`, the time by which the answer is of use. A request that fails before an answer has begun is sent to another instance where it may be done twice: by its method, or with an `Idempotency-Key`; and where its body is no longer than 64 KiB.",
  sends: ["Dure-Deadline", "Dure-Ordering-Key", "Idempotency-Key", "traceparent"],
  answersWith: ["Dure-Attempts"],
  problems: [
    "invalid-request",
    "service-not-found",
    "head-too-large",
    "service-open",
    "service-full",
    "service-unreachable",
    "service-timeout",
  ],
} as const satisfies Omit<CallDefinition, "method" | "answers">;
