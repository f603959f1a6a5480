import { AuditQuery } from "../admin.ts";
import { PageQuery } from "../list.ts";
import { call, created, gone, ok } from "./call.ts";
import { KEY_ID, NAMESPACE } from "./parameters.ts";

export const ADMIN_CALLS = {
  createKey: call({
    method: "post",
    path: "/v1/keys",
    scope: "admin",
    summary: "Create an API key",
    description:
      "Makes an API key. Its token is in this answer and nowhere else. `namespace` is for the root key only.",
    body: "KeyRequest",
    answers: [created("CreatedKey", "The only time the key is shown")],
    problems: ["namespace-not-found"],
  }),
  listKeys: call({
    method: "get",
    path: "/v1/keys",
    scope: "admin",
    summary: "List API keys",
    description: "Lists the API keys of the namespace that were not revoked, without their tokens.",
    query: PageQuery,
    answers: [ok("KeyList", "A page")],
    problems: ["invalid-request"],
  }),
  revokeKey: call({
    method: "delete",
    path: "/v1/keys/{id}",
    parameters: { id: KEY_ID },
    scope: "admin",
    summary: "Revoke an API key",
    description: "Revokes an API key: within five seconds it works nowhere.",
    answers: [gone],
    problems: ["key-not-found"],
  }),
  putNamespace: call({
    method: "put",
    path: "/v1/namespaces/{name}",
    parameters: { name: NAMESPACE },
    scope: "root",
    summary: "Create a namespace",
    description: "Creates a namespace, which is a tenant of its own: nothing in it is seen from another.",
    body: "NamespaceRequest",
    bodyOptional: true,
    answers: [created("Namespace", "Created"), ok("Namespace", "It exists")],
    problems: ["invalid-request"],
  }),
  getWebhookSecret: call({
    method: "get",
    path: "/v1/webhook-secret",
    scope: "admin",
    summary: "Read the secrets that sign what HTTP targets get",
    description:
      "Reads the secret that signs what HTTP targets and subscribers of the namespace receive, and the one before while it still signs.",
    answers: [ok("WebhookSecret")],
    problems: [],
  }),
  rotateWebhookSecret: call({
    method: "post",
    path: "/v1/webhook-secret/rotate",
    scope: "admin",
    summary: "Make a new secret; the old one signs beside it for 24 h",
    description: "Makes a new secret. The one before signs beside it for 24 hours, so that receivers can change over.",
    body: "EmptyRequest",
    bodyOptional: true,
    answers: [ok("WebhookSecret")],
    problems: [],
  }),
  getCluster: call({
    method: "get",
    path: "/v1/cluster",
    scope: "admin",
    summary: "The slot map and what each shard holds",
    description: "Reads which shard owns which slots, and how many unfinished jobs and bytes each holds.",
    answers: [ok("Cluster")],
    problems: [],
  }),
  audit: call({
    method: "get",
    path: "/v1/audit",
    scope: "admin",
    summary: "Look for jobs that nothing would ever run",
    description:
      "Says what the audit knows of jobs that nothing would ever run, of rows that contradict each other, and of slots that no shard or two shards own. `ok` is true when the last full pass over each shard has found nothing, nor the one that is under way. A small shard is looked at whole in this call; a large one a part every minute, and faster with `fresh=true`, which waits up to a minute for a pass that begins now.",
    query: AuditQuery,
    answers: [ok("Audit")],
    problems: [],
  }),
};
