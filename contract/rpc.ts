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
  BuryRequest,
  DeadJobsRequest,
  DeadReply,
  DeadWalk,
  DiscardReply,
  FailuresReply,
  FailuresRequest,
  RedriveReply,
  RedriveRequest,
  ReviveReply,
  ReviveRequest,
} from "./rpc/dead-letters.ts";
import type { AuditReply, ShardHealth } from "./rpc/health.ts";
import type { ChangeReply, ExplainReply, GetRequest, JobReply, JobRequest } from "./rpc/job.ts";
import type { FinishedReply, FinishedRequest, HeldRequest, ListReply, ListRequest } from "./rpc/list.ts";
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
export * from "./rpc/operation.ts";
export * from "./rpc/ordering-keys.ts";
export * from "./rpc/queue.ts";
export * from "./rpc/schedule.ts";
export * from "./rpc/spawn.ts";
export * from "./rpc/submit.ts";
export * from "./rpc/subscription.ts";
export * from "./rpc/told.ts";
export * from "./rpc/transaction.ts";
export * from "./rpc/work.ts";

/** A shard's RPC surface. The Durable Object implements it; the simulation calls the same through its own network. */
export interface ShardApi {
  submit(request: SubmitRequest): Promise<SubmitReply>;
  prepare(request: PrepareRequest): Promise<PrepareReply>;
  decide(request: DecideRequest): Promise<DecideReply>;
  openBatch(request: OpenBatchRequest): Promise<OpenBatchReply>;
  closeBatch(request: CloseBatchRequest): Promise<Moved | null>;
  work(request: WorkRequest): Promise<WorkReply>;
  claim(request: ClaimRequest): Promise<ClaimReply>;
  awaitWork(request: AwaitWorkRequest): Promise<boolean>;
  report(request: ReportRequest): Promise<ReportReply>;
  /** Takes jobs that successes on another shard brought with them: each once, however often they come. */
  receive(request: ReceiveRequest): Promise<ReceiveReply>;
  extend(request: ExtendRequest): Promise<ExtendReply>;
  get(request: GetRequest): Promise<JobReply>;
  cancel(request: JobRequest): Promise<ChangeReply>;
  retry(request: JobRequest): Promise<ChangeReply>;
  explain(request: JobRequest): Promise<ExplainReply>;
  list(request: ListRequest): Promise<ListReply>;
  held(request: HeldRequest): Promise<string[]>;
  /** Answers how far it has come. */
  operate(request: OperateRequest): Promise<OperationProgress>;
  /** Those that the shard knows. */
  operationProgress(request: OperationProgressRequest): Promise<OperationProgress[]>;
  /** Answers the ids of the jobs that the shard holds: of those it forgets nothing. */
  releaseKeys(request: ReleaseKeysRequest): Promise<string[]>;
  configure(request: ConfigureRequest): Promise<void>;
  configureSchedules(request: ConfigureSchedulesRequest): Promise<ConfigureSchedulesReply>;
  scheduleStates(request: ScheduleStatesRequest): Promise<ScheduleState[]>;
  /** Newest first. */
  fires(request: FiresRequest): Promise<Fire[]>;
  configureSubscriptions(request: ConfigureSubscriptionsRequest): Promise<void>;
  subscriptionStates(request: SubscriptionStatesRequest): Promise<SubscriptionState[]>;
  /** The way of events to subscribers: reports a page of them and takes the next. */
  deliver(request: DeliverRequest): Promise<DeliverReply>;
  hold(request: HoldRequest): Promise<HoldReply>;
  purge(request: PurgeRequest): Promise<PurgeReply>;
  redrive(request: RedriveRequest): Promise<RedriveReply>;
  /** Failed jobs that match, as they are. */
  deadJobs(request: DeadJobsRequest): Promise<DeadReply>;
  /** Discards failed jobs that match. */
  discardFailed(request: DeadWalk): Promise<DiscardReply>;
  bury(request: BuryRequest): Promise<void>;
  revive(request: ReviveRequest): Promise<ReviveReply>;
  failures(request: FailuresRequest): Promise<FailuresReply>;
  /** Ordering keys that stand still, the latest first. */
  orderingKeys(request: OrderingKeysRequest): Promise<OrderingKey[]>;
  changeKey(request: ChangeKeyRequest): Promise<ChangeKeyReply>;
  stats(request: QueueRef): Promise<QueueStats>;
  finished(request: FinishedRequest): Promise<FinishedReply>;
  /** History has everything up to `cursor`, since `bookmark` of D1: the shard may forget it when its time comes. */
  projected(request: ShardCall & { cursor: number; bookmark?: string }): Promise<void>;
  /** Cron's poke: re-arms a lost alarm, rings lost bells, does what is due. Returns what it found. */
  wake(request: ShardCall): Promise<ShardHealth>;
  audit(request: ShardCall): Promise<AuditReply>;
}

/** The `Directory`'s RPC surface. */
export interface DirectoryApi {
  map(): Promise<SlotMap>;
}
