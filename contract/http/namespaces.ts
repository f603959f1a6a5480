import { PageQuery } from "../list.ts";
import { accepted, call, created, ok, PAGE_COST } from "./call.ts";
import { NAMESPACE } from "./parameters.ts";

export const NAMESPACE_CALLS = {
  listNamespaces: call({
    method: "get",
    path: "/v1/namespaces",
    scope: "root",
    cost: PAGE_COST,
    summary: "List namespaces",
    description: "Lists the namespaces that were created, those that are being deleted too.",
    query: PageQuery,
    answers: [ok("NamespaceList", "A page")],
    problems: ["invalid-request"],
  }),
  putNamespace: call({
    method: "put",
    path: "/v1/namespaces/{name}",
    parameters: { name: NAMESPACE },
    scope: "root",
    summary: "Create a namespace, or set its limits",
    description:
      "Creates a namespace, which is a tenant of its own: nothing in it is seen from another. Of one that exists it sets the limits, where the body has any.",
    body: "NamespaceRequest",
    bodyOptional: true,
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [created("Namespace", "Created"), ok("Namespace", "It exists")],
    problems: ["invalid-request", "version-mismatch", "namespace-deleting"],
  }),
  getNamespace: call({
    method: "get",
    path: "/v1/namespaces/{name}",
    parameters: { name: NAMESPACE },
    scope: "root",
    summary: "Read a namespace, its limits, and how its deletion goes",
    description:
      "Reads one namespace. While it is being deleted, `deletion` says how far that is; then it is not found.",
    answersWith: ["ETag"],
    answers: [ok("Namespace")],
    problems: ["namespace-not-found"],
  }),
  patchNamespace: call({
    method: "patch",
    path: "/v1/namespaces/{name}",
    parameters: { name: NAMESPACE },
    scope: "root",
    summary: "Change single limits of a namespace",
    description: "Lays a JSON merge patch (RFC 7396) over the limits of the namespace: what it does not name stays.",
    body: "NamespacePatch",
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [ok("Namespace", "Changed")],
    problems: ["namespace-not-found", "version-mismatch", "namespace-deleting"],
  }),
  deleteNamespace: call({
    method: "delete",
    path: "/v1/namespaces/{name}",
    parameters: { name: NAMESPACE },
    scope: "root",
    summary: "Delete a namespace and all that it has",
    description:
      "Deletes the namespace: its keys stop working at once and nothing of it starts any more; then its services, schedules, subscriptions, queues, jobs and history go, without events. `GET` of the namespace says how far that is, and 404 when its name is free again.",
    answers: [accepted("Namespace")],
    problems: ["namespace-not-found", "namespace-protected"],
  }),
};
