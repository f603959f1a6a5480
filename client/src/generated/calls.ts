// Made from the API's definition by `npm run openapi`. Not to be edited.

import type { Call } from "../call.ts";
import type {
  Audit,
  AuditLog,
  AuditQuery,
  Batch,
  BatchRequest,
  ClaimRequest,
  Claimed,
  Cluster,
  CreatedKey,
  EmptyRequest,
  Explanation,
  ExtendLeaseRequest,
  ExtendRequest,
  Extended,
  FailLeaseRequest,
  FailRequest,
  FailureList,
  FireList,
  GetJobQuery,
  Job,
  JobList,
  JobPatch,
  KeyList,
  KeyRequest,
  ListAuditLogQuery,
  ListFailuresQuery,
  ListFiresQuery,
  ListJobsQuery,
  ListKeysQuery,
  ListNamespacesQuery,
  ListOperationsQuery,
  ListOrderingKeysQuery,
  ListQueuesQuery,
  ListSchedulesQuery,
  ListServicesQuery,
  ListSubscriptionsQuery,
  Namespace,
  NamespaceList,
  NamespacePatch,
  NamespaceRequest,
  Operation,
  OperationList,
  OperationRequest,
  OrderingKey,
  OrderingKeyList,
  OrderingKeyRequest,
  PurgeRequest,
  Purged,
  Queue,
  QueueList,
  QueuePatch,
  QueueRequest,
  QueueStats,
  RedriveRequest,
  Redriven,
  ReleaseLeaseRequest,
  ReleaseRequest,
  Reported,
  ReportsRequest,
  Schedule,
  ScheduleList,
  SchedulePatch,
  ScheduleRequest,
  Service,
  ServiceList,
  ServicePatch,
  ServiceRequest,
  SubmitBatchQuery,
  SubmitRequest,
  Subscription,
  SubscriptionList,
  SubscriptionPatch,
  SubscriptionRequest,
  SucceedLeaseRequest,
  SucceedRequest,
  Succeeded,
  UnblockKeyRequest,
  WebhookSecret,
} from "./types.ts";

/** Submit a job. */
export const submitJob: Call<{ body: SubmitRequest; answer: Job }> = { method: "POST", path: "/v1/jobs" };

/** List jobs, newest first. */
export const listJobs: Call<{ query?: ListJobsQuery; answer: JobList }> = { method: "GET", path: "/v1/jobs" };

/** Read a job, or wait until it is final. */
export const getJob: Call<{ params: { id: string }; query?: GetJobQuery; answer: Job }> = { method: "GET", path: "/v1/jobs/{id}" };

/** Change a job that waits. */
export const patchJob: Call<{ params: { id: string }; body: JobPatch; answer: Job }> = { method: "PATCH", path: "/v1/jobs/{id}" };

/** Say why a job is not running. */
export const explainJob: Call<{ params: { id: string }; answer: Explanation }> = { method: "GET", path: "/v1/jobs/{id}/explain" };

/** Cancel a job. */
export const cancelJob: Call<{ params: { id: string }; body?: EmptyRequest; answer: Job }> = { method: "POST", path: "/v1/jobs/{id}/cancel" };

/** Make a scheduled job due. */
export const runJobNow: Call<{ params: { id: string }; body?: EmptyRequest; answer: Job }> = { method: "POST", path: "/v1/jobs/{id}/run-now" };

/** Run a failed or cancelled job again. */
export const retryJob: Call<{ params: { id: string }; body?: EmptyRequest; answer: Job }> = { method: "POST", path: "/v1/jobs/{id}/retry" };

/** Submit up to 1000 jobs. */
export const submitBatch: Call<{ query?: SubmitBatchQuery; body: BatchRequest; answer: Batch }> = { method: "POST", path: "/v1/batches" };

/** List queues. */
export const listQueues: Call<{ query?: ListQueuesQuery; answer: QueueList }> = { method: "GET", path: "/v1/queues" };

/** Create or replace a queue. */
export const putQueue: Call<{ params: { queue: string }; body: QueueRequest; answer: Queue }> = { method: "PUT", path: "/v1/queues/{queue}" };

/** Read a queue. */
export const getQueue: Call<{ params: { queue: string }; answer: Queue }> = { method: "GET", path: "/v1/queues/{queue}" };

/** Change single settings of a queue. */
export const patchQueue: Call<{ params: { queue: string }; body: QueuePatch; answer: Queue }> = { method: "PATCH", path: "/v1/queues/{queue}" };

/** Delete a queue without unfinished jobs. */
export const deleteQueue: Call<{ params: { queue: string }; answer: null }> = { method: "DELETE", path: "/v1/queues/{queue}" };

/** Counts, rates and latencies of a queue. */
export const queueStats: Call<{ params: { queue: string }; answer: QueueStats }> = { method: "GET", path: "/v1/queues/{queue}/stats" };

/** Start no more jobs of a queue. */
export const pauseQueue: Call<{ params: { queue: string }; body?: EmptyRequest; answer: Queue }> = { method: "POST", path: "/v1/queues/{queue}/pause" };

/** Start jobs of a queue again. */
export const resumeQueue: Call<{ params: { queue: string }; body?: EmptyRequest; answer: Queue }> = { method: "POST", path: "/v1/queues/{queue}/resume" };

/** List the kinds of failures of a queue, the most frequent first. */
export const listFailures: Call<{ params: { queue: string }; query?: ListFailuresQuery; answer: FailureList }> = { method: "GET", path: "/v1/queues/{queue}/failures" };

/** Run failed jobs again, here or in another queue. */
export const redriveQueue: Call<{ params: { queue: string }; body?: RedriveRequest; answer: Redriven }> = { method: "POST", path: "/v1/queues/{queue}/redrive" };

/** Cancel all queued and scheduled jobs, or discard failed ones. */
export const purgeQueue: Call<{ params: { queue: string }; body?: PurgeRequest; answer: Purged }> = { method: "POST", path: "/v1/queues/{queue}/purge" };

/** List ordering keys that stand still, the latest first. */
export const listOrderingKeys: Call<{ params: { queue: string }; query?: ListOrderingKeysQuery; answer: OrderingKeyList }> = { method: "GET", path: "/v1/queues/{queue}/keys" };

/** Decide about the failed job that blocks an ordering key. */
export const unblockKey: Call<{ params: { queue: string }; body: UnblockKeyRequest; answer: OrderingKey }> = { method: "POST", path: "/v1/queues/{queue}/keys/unblock" };

/** Start no more jobs of an ordering key. */
export const pauseKey: Call<{ params: { queue: string }; body: OrderingKeyRequest; answer: OrderingKey }> = { method: "POST", path: "/v1/queues/{queue}/keys/pause" };

/** Start jobs of an ordering key again. */
export const resumeKey: Call<{ params: { queue: string }; body: OrderingKeyRequest; answer: OrderingKey }> = { method: "POST", path: "/v1/queues/{queue}/keys/resume" };

/** List schedules. */
export const listSchedules: Call<{ query?: ListSchedulesQuery; answer: ScheduleList }> = { method: "GET", path: "/v1/schedules" };

/** Create or replace a schedule. */
export const putSchedule: Call<{ params: { schedule: string }; body: ScheduleRequest; answer: Schedule }> = { method: "PUT", path: "/v1/schedules/{schedule}" };

/** Read a schedule. */
export const getSchedule: Call<{ params: { schedule: string }; answer: Schedule }> = { method: "GET", path: "/v1/schedules/{schedule}" };

/** Change single settings of a schedule. */
export const patchSchedule: Call<{ params: { schedule: string }; body: SchedulePatch; answer: Schedule }> = { method: "PATCH", path: "/v1/schedules/{schedule}" };

/** Delete a schedule and its record of fires; its jobs stay. */
export const deleteSchedule: Call<{ params: { schedule: string }; answer: null }> = { method: "DELETE", path: "/v1/schedules/{schedule}" };

/** What came of a schedule's instants. */
export const listFires: Call<{ params: { schedule: string }; query?: ListFiresQuery; answer: FireList }> = { method: "GET", path: "/v1/schedules/{schedule}/fires" };

/** List subscriptions. */
export const listSubscriptions: Call<{ query?: ListSubscriptionsQuery; answer: SubscriptionList }> = { method: "GET", path: "/v1/subscriptions" };

/** Create or replace a subscription: jobs that change from then on are told of. */
export const putSubscription: Call<{ params: { subscription: string }; body: SubscriptionRequest; answer: Subscription }> = { method: "PUT", path: "/v1/subscriptions/{subscription}" };

/** Read a subscription, and how its delivery goes. */
export const getSubscription: Call<{ params: { subscription: string }; answer: Subscription }> = { method: "GET", path: "/v1/subscriptions/{subscription}" };

/** Change single settings of a subscription. */
export const patchSubscription: Call<{ params: { subscription: string }; body: SubscriptionPatch; answer: Subscription }> = { method: "PATCH", path: "/v1/subscriptions/{subscription}" };

/** Delete a subscription and the events that it has not delivered. */
export const deleteSubscription: Call<{ params: { subscription: string }; answer: null }> = { method: "DELETE", path: "/v1/subscriptions/{subscription}" };

/** List services. */
export const listServices: Call<{ query?: ListServicesQuery; answer: ServiceList }> = { method: "GET", path: "/v1/services" };

/** Create or replace a service. */
export const putService: Call<{ params: { service: string }; body: ServiceRequest; answer: Service }> = { method: "PUT", path: "/v1/services/{service}" };

/** Read a service, and how it is at the moment. */
export const getService: Call<{ params: { service: string }; answer: Service }> = { method: "GET", path: "/v1/services/{service}" };

/** Change single settings of a service. */
export const patchService: Call<{ params: { service: string }; body: ServicePatch; answer: Service }> = { method: "PATCH", path: "/v1/services/{service}" };

/** Delete a service that no queue names. */
export const deleteService: Call<{ params: { service: string }; answer: null }> = { method: "DELETE", path: "/v1/services/{service}" };

/** Claim jobs, waiting for some when there are none. */
export const claimJobs: Call<{ params: { queue: string }; body?: ClaimRequest; answer: Claimed }> = { method: "POST", path: "/v1/queues/{queue}/claim" };

/** Report outcomes and the jobs they spawn, and claim again. */
export const reportJobs: Call<{ body: ReportsRequest; answer: Reported }> = { method: "POST", path: "/v1/reports" };

/** Report one success and the jobs it spawns. */
export const succeedByLease: Call<{ body: SucceedLeaseRequest; answer: Succeeded }> = { method: "POST", path: "/v1/leases/succeed" };

/** Report one failure. */
export const failByLease: Call<{ body: FailLeaseRequest; answer: Job }> = { method: "POST", path: "/v1/leases/fail" };

/** Send a heartbeat, progress and a checkpoint. */
export const extendByLease: Call<{ body: ExtendLeaseRequest; answer: Extended }> = { method: "POST", path: "/v1/leases/extend" };

/** Give one job back. */
export const releaseByLease: Call<{ body: ReleaseLeaseRequest; answer: Job }> = { method: "POST", path: "/v1/leases/release" };

/** Report one success, with the lease in the path. */
export const succeedLease: Call<{ params: { lease: string }; body?: SucceedRequest; answer: Succeeded }> = { method: "POST", path: "/v1/leases/{lease}/succeed" };

/** Report one failure, with the lease in the path. */
export const failLease: Call<{ params: { lease: string }; body: FailRequest; answer: Job }> = { method: "POST", path: "/v1/leases/{lease}/fail" };

/** Give one job back, with the lease in the path. */
export const releaseLease: Call<{ params: { lease: string }; body?: ReleaseRequest; answer: Job }> = { method: "POST", path: "/v1/leases/{lease}/release" };

/** Send a heartbeat, progress and a checkpoint, with the lease in the path. */
export const extendLease: Call<{ params: { lease: string }; body?: ExtendRequest; answer: Extended }> = { method: "POST", path: "/v1/leases/{lease}/extend" };

/** Cancel, retry or delete every job that a filter selects. */
export const startOperation: Call<{ body: OperationRequest; answer: Operation }> = { method: "POST", path: "/v1/operations" };

/** List bulk operations, newest first. */
export const listOperations: Call<{ query?: ListOperationsQuery; answer: OperationList }> = { method: "GET", path: "/v1/operations" };

/** Read how far a bulk operation has come. */
export const getOperation: Call<{ params: { id: string }; answer: Operation }> = { method: "GET", path: "/v1/operations/{id}" };

/** Create an API key. */
export const createKey: Call<{ body: KeyRequest; answer: CreatedKey }> = { method: "POST", path: "/v1/keys" };

/** List API keys. */
export const listKeys: Call<{ query?: ListKeysQuery; answer: KeyList }> = { method: "GET", path: "/v1/keys" };

/** Revoke an API key. */
export const revokeKey: Call<{ params: { id: string }; answer: null }> = { method: "DELETE", path: "/v1/keys/{id}" };

/** List namespaces. */
export const listNamespaces: Call<{ query?: ListNamespacesQuery; answer: NamespaceList }> = { method: "GET", path: "/v1/namespaces" };

/** Create a namespace, or set its limits. */
export const putNamespace: Call<{ params: { name: string }; body?: NamespaceRequest; answer: Namespace }> = { method: "PUT", path: "/v1/namespaces/{name}" };

/** Read a namespace, its limits, and how its deletion goes. */
export const getNamespace: Call<{ params: { name: string }; answer: Namespace }> = { method: "GET", path: "/v1/namespaces/{name}" };

/** Change single limits of a namespace. */
export const patchNamespace: Call<{ params: { name: string }; body: NamespacePatch; answer: Namespace }> = { method: "PATCH", path: "/v1/namespaces/{name}" };

/** Delete a namespace and all that it has. */
export const deleteNamespace: Call<{ params: { name: string }; answer: Namespace }> = { method: "DELETE", path: "/v1/namespaces/{name}" };

/** Read the secrets that sign what HTTP targets get. */
export const getWebhookSecret: Call<{ answer: WebhookSecret }> = { method: "GET", path: "/v1/webhook-secret" };

/** Make a new secret; the old ones sign beside it for 24 h. */
export const rotateWebhookSecret: Call<{ body?: EmptyRequest; answer: WebhookSecret }> = { method: "POST", path: "/v1/webhook-secret/rotate" };

/** The slot map and what each shard holds. */
export const getCluster: Call<{ answer: Cluster }> = { method: "GET", path: "/v1/cluster" };

/** Look for jobs that nothing would ever run. */
export const audit: Call<{ query?: AuditQuery; answer: Audit }> = { method: "GET", path: "/v1/audit" };

/** Read who did what. */
export const listAuditLog: Call<{ query?: ListAuditLogQuery; answer: AuditLog }> = { method: "GET", path: "/v1/audit-log" };
