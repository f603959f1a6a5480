import { PageQuery } from "../list.ts";
import { call, created, gone, ok, PAGE_COST } from "./call.ts";
import { SERVICE } from "./parameters.ts";

export const SERVICES_CALLS = {
  listServices: call({
    method: "get",
    path: "/v1/services",
    scope: "read",
    cost: PAGE_COST,
    summary: "List services",
    description: "Lists the services of the namespace with their settings. How one is at the moment its own GET says.",
    query: PageQuery,
    answers: [ok("ServiceList", "A page")],
    problems: ["invalid-request"],
  }),
  putService: call({
    method: "put",
    path: "/v1/services/{service}",
    parameters: { service: SERVICE },
    scope: "admin",
    summary: "Create or replace a service",
    description:
      "Creates the service, or replaces its settings: what the body leaves out gets its default. An instance that stays keeps what is known of it. To change single settings use PATCH.",
    body: "ServiceRequest",
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [created("Service", "Created"), ok("Service", "Replaced")],
    problems: ["version-mismatch", "target-refused", "limit-reached"],
  }),
  getService: call({
    method: "get",
    path: "/v1/services/{service}",
    parameters: { service: SERVICE },
    scope: "read",
    summary: "Read a service, and how it is at the moment",
    description:
      "Reads the settings of one service, the state of its breaker and of each instance with the reason, and their last changes.",
    answersWith: ["ETag"],
    answers: [ok("Service")],
    problems: ["service-not-found"],
  }),
  patchService: call({
    method: "patch",
    path: "/v1/services/{service}",
    parameters: { service: SERVICE },
    scope: "admin",
    summary: "Change single settings of a service",
    description:
      "Lays a JSON merge patch (RFC 7396) over the settings of the service: what it does not name stays. The list of instances is replaced whole.",
    body: "ServicePatch",
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [ok("Service", "Changed")],
    problems: ["service-not-found", "version-mismatch", "target-refused"],
  }),
  deleteService: call({
    method: "delete",
    path: "/v1/services/{service}",
    parameters: { service: SERVICE },
    scope: "admin",
    summary: "Delete a service that no queue names",
    description: "Deletes the service. It is refused as long as the target of a queue names it.",
    sends: ["If-Match"],
    answers: [gone],
    problems: ["service-not-found", "version-mismatch", "service-in-use"],
  }),
};
