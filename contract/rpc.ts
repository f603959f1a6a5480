/**
 * What the gateway and the processor say to the Durable Objects. Deploys are not atomic, so every request
 * carries `v` and fields are only ever added. Both sides are Dure's own code: messages are typed, not parsed
 * again. Payloads and results are opaque JSON text throughout.
 */
import type { Fire } from "../domain/schedule.ts";
import type { SlotMap } from "../domain/slots.ts";
import type { CloseBatchRequest, OpenBatchReply, OpenBatchRequest } from "./rpc/batch.ts";
import type { Moved, ShardCall } from "./rpc/call.ts";
import type {
  DiscardMovedRequest,
  DiscardReply,
  FailedJobsReply,
  FailedJobsRequest,
  FailedJobsWalk,
  FailuresReply,
  FailuresRequest,
  RedriveReply,
  RedriveRequest,
  ReviveReply,
  ReviveRequest,
} from "./rpc/dead-letters.ts";
import type { AuditReply, AuditRequest, ShardHealth } from "./rpc/health.ts";
import type {
  ChangeReply,
  ExplainReply,
  GetRequest,
  JobReply,
  JobRequest,
  PatchReply,
  PatchRequest,
  RunNowRequest,
} from "./rpc/job.ts";
import type {
  ExistingIdsReply,
  ExistingIdsRequest,
  FinishedReply,
  FinishedRequest,
  ListReply,
  ListRequest,
  ProjectedRequest,
} from "./rpc/list.ts";
import type { ConfigureNamespacesRequest, DeletionProgress } from "./rpc/namespace.ts";
import type {
  OperateRequest,
  OperationProgress,
  OperationProgressRequest,
  ReleaseKeysRequest,
} from "./rpc/operation.ts";
import type { ChangeKeyReply, ChangeKeyRequest, OrderingKey, OrderingKeysRequest } from "./rpc/ordering-keys.ts";
import type {
  ConfigureRequest,
  HoldReply,
  HoldRequest,
  PurgeReply,
  PurgeRequest,
  QueueRef,
  QueueStats,
} from "./rpc/queue.ts";
import type { Reply } from "./rpc/reply.ts";
import type { Revocations, RevokeRequest } from "./rpc/revocation.ts";
import type {
  ConfigureSchedulesReply,
  ConfigureSchedulesRequest,
  FiresRequest,
  ScheduleState,
  ScheduleStatesRequest,
} from "./rpc/schedule.ts";
import type { ReceiveReply, ReceiveRequest } from "./rpc/spawn.ts";
import type { SubmitReply, SubmitRequest } from "./rpc/submit.ts";
import type {
  ConfigureSubscriptionsRequest,
  DeliverReply,
  DeliverRequest,
  SubscriptionState,
  SubscriptionStatesRequest,
} from "./rpc/subscription.ts";
import type { DecideReply, DecideRequest, PrepareReply, PrepareRequest } from "./rpc/transaction.ts";
import type {
  AwaitLaneRequest,
  AwaitWorkRequest,
  ClaimReply,
  ClaimRequest,
  ExtendReply,
  ExtendRequest,
  ReportReply,
  ReportRequest,
  WorkReply,
  WorkRequest,
} from "./rpc/work.ts";

export * from "./rpc/batch.ts";
export * from "./rpc/call.ts";
export * from "./rpc/dead-letters.ts";
export * from "./rpc/health.ts";
export * from "./rpc/job.ts";
export * from "./rpc/list.ts";
export * from "./rpc/namespace.ts";
export * from "./rpc/operation.ts";
export * from "./rpc/ordering-keys.ts";
export * from "./rpc/queue.ts";
export * from "./rpc/rate-limit.ts";
export * from "./rpc/reply.ts";
export * from "./rpc/revocation.ts";
export * from "./rpc/schedule.ts";
export * from "./rpc/spawn.ts";
export * from "./rpc/submit.ts";
export * from "./rpc/subscription.ts";
export * from "./rpc/transaction.ts";
export * from "./rpc/watch.ts";
export * from "./rpc/work.ts";

/**
 * A shard's RPC surface. The Durable Object implements it; the simulation calls the same through its own network. Every
 * answer comes with the position of the shard's log, so that no caller can forget to hear it.
 */
export interface ShardApi {
  submit(request: SubmitRequest): Promise<Reply<SubmitReply>>;
  prepare(request: PrepareRequest): Promise<Reply<PrepareReply>>;
  decide(request: DecideRequest): Promise<Reply<DecideReply>>;
  openBatch(request: OpenBatchRequest): Promise<Reply<OpenBatchReply>>;
  closeBatch(request: CloseBatchRequest): Promise<Reply<Moved | null>>;
  work(request: WorkRequest): Promise<Reply<WorkReply>>;
  claim(request: ClaimRequest): Promise<Reply<ClaimReply>>;
  awaitWork(request: AwaitWorkRequest): Promise<Reply<boolean>>;
  awaitLane(request: AwaitLaneRequest): Promise<Reply<boolean>>;
  report(request: ReportRequest): Promise<Reply<ReportReply>>;
  /** Takes jobs that successes on another shard brought with them: each once, however often they come. */
  receive(request: ReceiveRequest): Promise<Reply<ReceiveReply>>;
  extend(request: ExtendRequest): Promise<Reply<ExtendReply>>;
  get(request: GetRequest): Promise<Reply<JobReply>>;
  cancel(request: JobRequest): Promise<Reply<ChangeReply>>;
  retry(request: JobRequest): Promise<Reply<ChangeReply>>;
  patch(request: PatchRequest): Promise<Reply<PatchReply>>;
  /** Makes a scheduled job due. */
  runNow(request: RunNowRequest): Promise<Reply<PatchReply>>;
  explain(request: JobRequest): Promise<Reply<ExplainReply>>;
  list(request: ListRequest): Promise<Reply<ListReply>>;
  existingIds(request: ExistingIdsRequest): Promise<Reply<ExistingIdsReply>>;
  /** Begins a part of a bulk operation, or goes on with it, and answers how far it has come. */
  operate(request: OperateRequest): Promise<Reply<OperationProgress>>;
  /** How far those of the operations are that the shard knows. */
  operationProgress(request: OperationProgressRequest): Promise<Reply<OperationProgress[]>>;
  /** Forgets keys of jobs, and answers the ids of those jobs that the shard has: of these it forgets nothing. */
  releaseKeys(request: ReleaseKeysRequest): Promise<Reply<ExistingIdsReply>>;
  configure(request: ConfigureRequest): Promise<Reply<null>>;
  configureNamespaces(request: ConfigureNamespacesRequest): Promise<Reply<null>>;
  /** How far the deletion of a namespace is here, of which the shard has been told. */
  namespaceDeletion(request: ShardCall & { name: string }): Promise<Reply<DeletionProgress>>;
  configureSchedules(request: ConfigureSchedulesRequest): Promise<Reply<ConfigureSchedulesReply>>;
  scheduleStates(request: ScheduleStatesRequest): Promise<Reply<ScheduleState[]>>;
  /** The fires of a schedule, the newest first. */
  fires(request: FiresRequest): Promise<Reply<Fire[]>>;
  configureSubscriptions(request: ConfigureSubscriptionsRequest): Promise<Reply<null>>;
  subscriptionStates(request: SubscriptionStatesRequest): Promise<Reply<SubscriptionState[]>>;
  /** Reports a page of events, and takes the next: the way of events to subscribers. */
  deliver(request: DeliverRequest): Promise<Reply<DeliverReply>>;
  hold(request: HoldRequest): Promise<Reply<HoldReply>>;
  purge(request: PurgeRequest): Promise<Reply<PurgeReply>>;
  redrive(request: RedriveRequest): Promise<Reply<RedriveReply>>;
  /** A page of the failed jobs that match. */
  failedJobs(request: FailedJobsRequest): Promise<Reply<FailedJobsReply>>;
  /** Discards a page of the failed jobs that match. */
  discardFailed(request: FailedJobsWalk): Promise<Reply<DiscardReply>>;
  discardMoved(request: DiscardMovedRequest): Promise<Reply<Moved | null>>;
  revive(request: ReviveRequest): Promise<Reply<ReviveReply>>;
  failures(request: FailuresRequest): Promise<Reply<FailuresReply>>;
  /** The parked ordering keys of a queue, the latest first. */
  orderingKeys(request: OrderingKeysRequest): Promise<Reply<OrderingKey[]>>;
  changeKey(request: ChangeKeyRequest): Promise<Reply<ChangeKeyReply>>;
  stats(request: QueueRef): Promise<Reply<QueueStats>>;
  finished(request: FinishedRequest): Promise<Reply<FinishedReply>>;
  /**
   * History has everything up to `cursor` since the write whose bookmark of D1 is `bookmark` (null when it is not known). The
   * shard may forget that much when its time comes. With `full` its database has no room for more: nothing behind `cursor` was written.
   */
  projected(request: ProjectedRequest): Promise<Reply<null>>;
  /** The cron's call: arms a lost alarm again, rings lost bells, does what is due, and answers what the shard holds. */
  wake(request: ShardCall): Promise<Reply<ShardHealth>>;
  /** What the shard holds, from what is kept of it: to ask costs the same however much that is. */
  health(request: ShardCall): Promise<Reply<ShardHealth>>;
  /** What the audit knows; with `walk` it goes a step further first. */
  audit(request: AuditRequest): Promise<Reply<AuditReply>>;
}

/** The `Directory`'s RPC surface. */
export interface DirectoryApi {
  /** The slot map, which is made at the first call. A shard says its name: from then on it is one that is used. */
  map(asker?: { shard: string }): Promise<SlotMap>;
  /** The shards that are there: those that have asked for a map. Others have nothing, and are made by whoever calls them first. */
  usedShards(request: { v: number }): Promise<string[]>;
  /** Remembers for an hour that a key is revoked. Noting it again renews that. */
  noteRevocation(request: RevokeRequest): Promise<null>;
  /** What is remembered of revoked keys. */
  revocations(request: { v: number }): Promise<Revocations>;
}

/** What is asked of the `Directory` by whoever only wants the slot map. */
export type MapSource = Pick<DirectoryApi, "map">;

/** The key of KV that the `Directory` writes when it starts: the cron, which makes no object, knows by it that there is one. */
export const DIRECTORY_IS_THERE = "directory";
