/**
 * What the gateway and the processor say to the Durable Objects. Deploys are not atomic, so every request
 * carries `v` and fields are only ever added. Both sides are Dure's own code: messages are typed, not parsed
 * again. Payloads and results are opaque JSON text throughout.
 */
import type { SlotMap } from "../domain/slots.ts";
import type { CloseBatchRequest, OpenBatchReply, OpenBatchRequest } from "./rpc/batch.ts";
import type { Moved, ShardCall } from "./rpc/call.ts";
import type { AuditReply, ShardHealth } from "./rpc/health.ts";
import type { ChangeReply, ExplainReply, GetRequest, JobReply, JobRequest } from "./rpc/job.ts";
import type { FinishedReply, FinishedRequest, HeldRequest, ListReply, ListRequest } from "./rpc/list.ts";
import type {
  ConfigureRequest,
  HoldReply,
  HoldRequest,
  PurgeReply,
  PurgeRequest,
  QueueRef,
  QueueStats,
  RedriveReply,
  RedriveRequest,
} from "./rpc/queue.ts";
import type { SubmitReply, SubmitRequest } from "./rpc/submit.ts";
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
export * from "./rpc/health.ts";
export * from "./rpc/job.ts";
export * from "./rpc/list.ts";
export * from "./rpc/queue.ts";
export * from "./rpc/submit.ts";
export * from "./rpc/work.ts";

/** A shard's RPC surface. The Durable Object implements it; the simulation calls the same through its own network. */
export interface ShardApi {
  submit(request: SubmitRequest): Promise<SubmitReply>;
  openBatch(request: OpenBatchRequest): Promise<OpenBatchReply>;
  closeBatch(request: CloseBatchRequest): Promise<Moved | null>;
  work(request: WorkRequest): Promise<WorkReply>;
  claim(request: ClaimRequest): Promise<ClaimReply>;
  awaitWork(request: AwaitWorkRequest): Promise<boolean>;
  report(request: ReportRequest): Promise<ReportReply>;
  extend(request: ExtendRequest): Promise<ExtendReply>;
  get(request: GetRequest): Promise<JobReply>;
  cancel(request: JobRequest): Promise<ChangeReply>;
  retry(request: JobRequest): Promise<ChangeReply>;
  explain(request: JobRequest): Promise<ExplainReply>;
  list(request: ListRequest): Promise<ListReply>;
  held(request: HeldRequest): Promise<string[]>;
  configure(request: ConfigureRequest): Promise<void>;
  hold(request: HoldRequest): Promise<HoldReply>;
  purge(request: PurgeRequest): Promise<PurgeReply>;
  redrive(request: RedriveRequest): Promise<RedriveReply>;
  stats(request: QueueRef): Promise<QueueStats>;
  finished(request: FinishedRequest): Promise<FinishedReply>;
  /** History has everything up to `cursor`: the shard may forget it when its time comes. */
  projected(request: ShardCall & { cursor: number }): Promise<void>;
  /** Cron's poke: re-arms a lost alarm, rings lost bells, does what is due. Returns what it found. */
  wake(request: ShardCall): Promise<ShardHealth>;
  audit(request: ShardCall): Promise<AuditReply>;
}

/** The `Directory`'s RPC surface. */
export interface DirectoryApi {
  map(): Promise<SlotMap>;
}
