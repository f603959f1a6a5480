import { MAX_PROXY_HEAD_BYTES } from "./limits.ts";
import type { ProblemExplanation } from "./problem-explanation.ts";
import { formatBytes } from "./sentence.ts";

/** The problems of a request to a service through the proxy that no instance has answered. */
export const PROXY_PROBLEMS = {
  "head-too-large": {
    status: 431,
    title: "The head of the request is too large",
    happened: `The path, the query and the headers that would be sent to the instance are larger than ${formatBytes(MAX_PROXY_HEAD_BYTES)} in all, which servers commonly do not take.`,
    remedy: "Send less in the headers and the query. A body may be of any size.",
    retry: "no",
  },
  "service-open": {
    status: 503,
    title: "The service is given a rest",
    happened: "Too much of what the service was asked has failed, so that nothing is sent to it for a while.",
    remedy:
      "Wait as long as `Retry-After` says. `GET /v1/services/{service}` says what has failed, and when the next probe may be sent.",
    retry: "later",
  },
  "service-full": {
    status: 503,
    title: "The service has as much to do as it may",
    happened:
      "As many requests to the service are under way as its `bulkhead` allows, and as many wait as may, or the request has waited for too long.",
    remedy: "Wait as long as `Retry-After` says. More instances, or a higher `maxInFlight`, let more through.",
    retry: "later",
  },
  "service-unreachable": {
    status: 502,
    title: "No instance has answered",
    happened:
      "The connection to the instance could not be made, or was lost before it had answered, or it may not be called. Whether it has done what it was asked is not known.",
    remedy:
      "Look at the instance that `GET /v1/services/{service}` shows as failing. A request with an `Idempotency-Key` is sent to another by itself.",
    retry: "later",
  },
  "service-timeout": {
    status: 504,
    title: "The service has not answered in time",
    happened:
      "The answer did not begin within the `firstByteTimeout` of the service, or before its `timeout` or the caller's deadline. Whether the service has done what it was asked is not known.",
    remedy: "Send it again if it may be done twice, or raise the timeouts of the service.",
    retry: "later",
  },
} as const satisfies Record<string, ProblemExplanation>;
