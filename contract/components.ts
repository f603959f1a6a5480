import {
  AuditView,
  ClusterView,
  KeyBody,
  KeyCreatedView,
  KeyListView,
  KeyView,
  ReadyView,
  WebhookSecretView,
} from "./admin.ts";
import { AuditLogView } from "./audit-log.ts";
import { BatchBody, BatchView } from "./batch.ts";
import { FailureListView, FailureView, PurgeBody, PurgeView, RedriveBody, RedriveView } from "./dead-letters.ts";
import { DedupBody } from "./dedup.ts";
import { JobErrorBody, JobErrorView } from "./error.ts";
import { EventView, ScheduleEventView } from "./event.ts";
import { IngestMessage } from "./ingest.ts";
import { AttemptView, ExplainView, JobListItem, JobListView, JobView, SubmitBody } from "./job.ts";
import { JobPatch } from "./job-patch.ts";
import { NamespaceBody, NamespaceListView, NamespaceView } from "./namespace.ts";
import { OperationBody, OperationListView, OperationView } from "./operation.ts";
import { OrderingKeyBody, OrderingKeyListView, OrderingKeyView, UnblockBody } from "./ordering-keys.ts";
import { NamespacePatch, QueuePatch, SchedulePatch, ServicePatch, SubscriptionPatch } from "./patches.ts";
import { ProblemTypeView, ProblemView } from "./problem.ts";
import {
  ClaimBody,
  ClaimedJobView,
  ClaimView,
  ExtendBody,
  ExtendLeaseBody,
  ExtendView,
  FailBody,
  FailLeaseBody,
  ReleaseBody,
  ReleaseLeaseBody,
  ReportBody,
  ReportsBody,
  ReportsView,
  SucceedBody,
  SucceededView,
  SucceedLeaseBody,
} from "./pull.ts";
import { EmptyBody, QueueBody, QueueListView, QueueStatsView, QueueView } from "./queue.ts";
import { RetryBody, RetryView } from "./retry.ts";
import {
  FireListView,
  FireView,
  ScheduleBody,
  ScheduledJobBody,
  ScheduledJobView,
  ScheduleListView,
  ScheduleView,
} from "./schedule.ts";
import { ServiceBody } from "./service.ts";
import { ServiceListView, ServiceView } from "./service-view.ts";
import { SubscriptionBody, SubscriptionListView, SubscriptionView } from "./subscription.ts";
import { TargetBody, TargetView } from "./target.ts";

/** The schemas that the OpenAPI document names. A request and an answer never share a name. */

export const REQUESTS = {
  SubmitRequest: SubmitBody,
  JobPatch,
  RetryOverrides: RetryBody,
  Deduplication: DedupBody,
  BatchRequest: BatchBody,
  QueueRequest: QueueBody,
  QueuePatch,
  TargetRequest: TargetBody,
  RedriveRequest: RedriveBody,
  PurgeRequest: PurgeBody,
  OrderingKeyRequest: OrderingKeyBody,
  UnblockKeyRequest: UnblockBody,
  ClaimRequest: ClaimBody,
  ReportRequest: ReportBody,
  ReportsRequest: ReportsBody,
  ErrorReport: JobErrorBody,
  SucceedRequest: SucceedBody,
  FailRequest: FailBody,
  ExtendRequest: ExtendBody,
  SucceedLeaseRequest: SucceedLeaseBody,
  FailLeaseRequest: FailLeaseBody,
  ExtendLeaseRequest: ExtendLeaseBody,
  ReleaseRequest: ReleaseBody,
  ReleaseLeaseRequest: ReleaseLeaseBody,
  KeyRequest: KeyBody,
  NamespaceRequest: NamespaceBody,
  NamespacePatch,
  ScheduleRequest: ScheduleBody,
  SchedulePatch,
  ScheduledJobRequest: ScheduledJobBody,
  SubscriptionRequest: SubscriptionBody,
  SubscriptionPatch,
  ServiceRequest: ServiceBody,
  ServicePatch,
  EmptyRequest: EmptyBody,
  OperationRequest: OperationBody,
  IngestMessage,
} as const;
export type RequestName = keyof typeof REQUESTS;

export const ANSWERS = {
  Problem: ProblemView,
  ProblemType: ProblemTypeView,
  Job: JobView,
  JobListItem: JobListItem,
  JobList: JobListView,
  Attempt: AttemptView,
  RetryPolicy: RetryView,
  JobError: JobErrorView,
  Explanation: ExplainView,
  Batch: BatchView,
  Queue: QueueView,
  Target: TargetView,
  QueueList: QueueListView,
  QueueStats: QueueStatsView,
  Redriven: RedriveView,
  Purged: PurgeView,
  Failure: FailureView,
  FailureList: FailureListView,
  OrderingKey: OrderingKeyView,
  OrderingKeyList: OrderingKeyListView,
  Schedule: ScheduleView,
  ScheduledJob: ScheduledJobView,
  ScheduleList: ScheduleListView,
  Fire: FireView,
  FireList: FireListView,
  Subscription: SubscriptionView,
  SubscriptionList: SubscriptionListView,
  Service: ServiceView,
  ServiceList: ServiceListView,
  LifecycleEvent: EventView,
  ScheduleEvent: ScheduleEventView,
  ClaimedJob: ClaimedJobView,
  Claimed: ClaimView,
  Reported: ReportsView,
  Succeeded: SucceededView,
  Extended: ExtendView,
  Key: KeyView,
  CreatedKey: KeyCreatedView,
  KeyList: KeyListView,
  Namespace: NamespaceView,
  NamespaceList: NamespaceListView,
  Cluster: ClusterView,
  Audit: AuditView,
  AuditLog: AuditLogView,
  WebhookSecret: WebhookSecretView,
  Ready: ReadyView,
  Operation: OperationView,
  OperationList: OperationListView,
} as const;
export type AnswerName = keyof typeof ANSWERS;
