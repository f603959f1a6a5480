import { AuditQuery } from "../admin.ts";
import { AuditLogQuery } from "../audit-log.ts";
import { PageQuery } from "../list.ts";
import { call, created, gone, ok, PAGE_COST, SCATTERED_COST } from "./call.ts";
import { NAMESPACE_CALLS } from "./namespaces.ts";
import { KEY_ID } from "./parameters.ts";

export const ADMIN_CALLS = {
  createKey: call({
    method: "post",
    path: "/v1/keys",
    scope: "admin",
    summary: "Create an API key",
    description:
      "Makes an API key. Its token is in this answer and nowhere else. A key gives no more than it has: scopes, namespace and time; and the keys that it made are revoked with it. `namespace` and the scope `metrics` are for the root key only.",
    body: "KeyRequest",
    answers: [created("CreatedKey", "The only time the key is shown")],
    problems: ["namespace-not-found", "beyond-own-key", "limit-reached"],
  }),
  listKeys: call({
    method: "get",
    path: "/v1/keys",
    scope: "admin",
    cost: PAGE_COST,
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
    description:
      "Revokes an API key, and with it every key that it made, and that those made: within five seconds they work nowhere. A 503 may have revoked them where the database is away; only 204 says that it is done for good.",
    answers: [gone],
    problems: ["key-not-found"],
  }),
  ...NAMESPACE_CALLS,
  getWebhookSecret: call({
    method: "get",
    path: "/v1/webhook-secret",
    scope: "admin",
    audited: true,
    summary: "Read the secrets that sign what HTTP targets get",
    description:
      "Reads the secret that signs what HTTP targets and subscribers of the namespace receive, and those before it that still sign.",
    answers: [ok("WebhookSecret")],
    problems: [],
  }),
  rotateWebhookSecret: call({
    method: "post",
    path: "/v1/webhook-secret/rotate",
    scope: "admin",
    summary: "Make a new secret; the old ones sign beside it for 24 h",
    description:
      "Makes a new secret. The one before signs beside it for 24 hours, so that receivers can change over; so does every one that is younger. While ten sign, another is refused (429).",
    body: "EmptyRequest",
    bodyOptional: true,
    answers: [ok("WebhookSecret")],
    problems: [],
  }),
  getCluster: call({
    method: "get",
    path: "/v1/cluster",
    scope: "root",
    cost: SCATTERED_COST,
    summary: "The slot map and what each shard holds",
    description: "Reads which shard owns which slots, and how many unfinished jobs and bytes each holds.",
    answers: [ok("Cluster")],
    problems: [],
  }),
  audit: call({
    method: "get",
    path: "/v1/audit",
    scope: "root",
    heavy: true,
    summary: "Look for jobs that nothing would ever run",
    description:
      "Says what the audit knows of jobs that nothing would ever run, of rows that contradict each other, and of slots that no shard or two shards own. `ok` is true when the last full pass over each shard has found nothing, nor the one that is under way. A small shard is looked at whole in this call; a large one a part every minute, and faster with `fresh=true`, which waits up to a minute for a pass that begins now. Without that the answer may be a second old: `checkedAt` says.",
    query: AuditQuery,
    answers: [ok("Audit")],
    problems: [],
  }),
  listAuditLog: call({
    method: "get",
    path: "/v1/audit-log",
    scope: "admin",
    cost: PAGE_COST,
    summary: "Read who did what",
    description:
      "Lists the calls that changed keys, secrets, queues, schedules, subscriptions and the cluster, that purged, redrove or operated on many jobs, or read a secret: who, when, from where, and what came of it. Entries stay for 400 days, and nobody can change one.",
    query: AuditLogQuery,
    answers: [ok("AuditLog", "A page")],
    problems: ["invalid-request"],
  }),
};
