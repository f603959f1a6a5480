import {
  AuditView,
  ClusterView,
  KeyBody,
  KeyCreatedView,
  KeyListView,
  KeyView,
  NamespaceBody,
  NamespaceView,
  ReadyView,
  WebhookSecretView,
} from "./admin.ts";
import { BatchBody, BatchView } from "./batch.ts";
import { JobErrorBody, JobErrorView } from "./error.ts";
import {
  AttemptView,
  ExplainView,
  JobListItem,
  JobListView,
  JobView,
  RetryBody,
  RetryView,
  SubmitBody,
} from "./job.ts";
import { ProblemView } from "./problem.ts";
import {
  ClaimBody,
  ClaimedJobView,
  ClaimView,
  ExtendBody,
  ExtendView,
  FailBody,
  ReportBody,
  ReportsBody,
  ReportsView,
  SucceedBody,
} from "./pull.ts";
import {
  EmptyBody,
  PurgeView,
  QueueBody,
  QueueListView,
  QueueStatsView,
  QueueView,
  RedriveBody,
  RedriveView,
} from "./queue.ts";
import { TargetBody, TargetView } from "./target.ts";

/** The schemas that the OpenAPI document names. A request and an answer never share a name. */

export const REQUESTS = {
  SubmitRequest: SubmitBody,
  RetryOverrides: RetryBody,
  BatchRequest: BatchBody,
  QueueRequest: QueueBody,
  TargetRequest: TargetBody,
  RedriveRequest: RedriveBody,
  ClaimRequest: ClaimBody,
  ReportRequest: ReportBody,
  ReportsRequest: ReportsBody,
  ErrorReport: JobErrorBody,
  SucceedRequest: SucceedBody,
  FailRequest: FailBody,
  ExtendRequest: ExtendBody,
  KeyRequest: KeyBody,
  NamespaceRequest: NamespaceBody,
  EmptyRequest: EmptyBody,
} as const;
export type RequestName = keyof typeof REQUESTS;

export const ANSWERS = {
  Problem: ProblemView,
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
  ClaimedJob: ClaimedJobView,
  Claimed: ClaimView,
  Reported: ReportsView,
  Extended: ExtendView,
  Key: KeyView,
  CreatedKey: KeyCreatedView,
  KeyList: KeyListView,
  Namespace: NamespaceView,
  Cluster: ClusterView,
  Audit: AuditView,
  WebhookSecret: WebhookSecretView,
  Ready: ReadyView,
} as const;
export type AnswerName = keyof typeof ANSWERS;
