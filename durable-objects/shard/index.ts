import { DurableObject } from "cloudflare:workers";
import type { Doorbell } from "../../contract/doorbell.ts";
import * as rpc from "../../contract/rpc.ts";
import { isFinal } from "../../domain/job/state.ts";
import type { Fire } from "../../domain/schedule.ts";
import { durableSql } from "../do-sql.ts";
import { queueOf } from "./bell-queues.ts";
import { unguessable } from "./chance.ts";
import { ShardCore } from "./core.ts";
import { GroupCommit } from "./group-commit.ts";
import { Carrier } from "./spawning/carrier.ts";
import { Waiters } from "./waiters.ts";

/** One shard: the RPC surface, the alarm, and the waiting. Steps are in `core.ts`, rules in `domain/`. */
export class Shard extends DurableObject<Env> implements rpc.ShardApi {
  #core: ShardCore;
  #group = new GroupCommit();
  #waiters = new Waiters();
  #carrier: Carrier;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#core = new ShardCore(ctx.id.name ?? ctx.id.toString(), {
      sql: durableSql(ctx.storage),
      now: () => Date.now(),
      random: unguessable,
      setAlarm: (at) => ctx.waitUntil(ctx.storage.setAlarm(at)),
      ring: (bell, delaySeconds) => this.#ring(bell, delaySeconds),
    });
    const waitUntil = ctx.waitUntil.bind(ctx);
    this.#carrier = new Carrier({ core: this.#core, group: this.#group, env: () => this.env, waitUntil });
    this.#core.onStep(({ finishedIds, asks, decided, dropped }) => {
      this.#wakeWaiting(finishedIds);
      if (decided) this.#waiters.wake(DECIDED);
      for (const txn of asks) this.#ask(txn);
      this.#carrier.go();
      for (const facts of dropped) console.warn(JSON.stringify({ at: "shard.events-dropped", ...facts }));
    });
  }

  async submit(request: rpc.SubmitRequest): Promise<rpc.SubmitReply> {
    return this.#step(request, () => this.#core.dated(this.#core.submit(request)));
  }

  async prepare(request: rpc.PrepareRequest): Promise<rpc.PrepareReply> {
    return this.#step(request, () => this.#core.prepare(request));
  }

  async decide(request: rpc.DecideRequest): Promise<rpc.DecideReply> {
    return this.#step(request, () => this.#core.decide(request));
  }

  async openBatch(request: rpc.OpenBatchRequest): Promise<rpc.OpenBatchReply> {
    return this.#step(request, () => this.#core.openBatch(request));
  }

  async closeBatch(request: rpc.CloseBatchRequest): Promise<rpc.Moved | null> {
    return this.#step(request, () => this.#core.closeBatch(request));
  }

  async work(request: rpc.WorkRequest): Promise<rpc.WorkReply> {
    return this.#step(request, () => this.#core.work(request));
  }

  async claim(request: rpc.ClaimRequest): Promise<rpc.ClaimReply> {
    return this.#step(request, () => this.#core.claim(request));
  }

  async awaitWork(request: rpc.AwaitWorkRequest): Promise<boolean> {
    await this.#knowSlots(request.epoch);
    const key = `queue:${request.namespace}/${request.queue}`;
    if (!this.#core.awaitWork(request)) await this.#waiters.wait(key, request.waitMs);
    return this.#core.awaitWork(request);
  }

  async report(request: rpc.ReportRequest): Promise<rpc.ReportReply> {
    const reply = await this.#step(request, () => this.#core.dated(this.#core.report(request)));
    await this.#carrier.arrival(reply, request.waitMs ?? 0);
    return reply;
  }

  async receive(request: rpc.ReceiveRequest): Promise<rpc.ReceiveReply> {
    return this.#step(request, () => this.#core.receive(request));
  }

  async extend(request: rpc.ExtendRequest): Promise<rpc.ExtendReply> {
    return this.#step(request, () => this.#core.extend(request));
  }

  async get(request: rpc.GetRequest): Promise<rpc.JobReply> {
    await this.#knowSlots(request.epoch);
    const endsAt = Date.now() + request.waitMs;
    let waits = true;
    for (;;) {
      const reply = this.#core.dated(this.#core.get(request));
      const left = endsAt - Date.now();
      if (reply.type === "busy" && waits) {
        waits = false;
        await this.#decisions(this.#core.transactionsOf(request.id));
        continue;
      }
      if (reply.type !== "job" || isFinal(reply.job.state) || left <= 0) return reply;
      await this.#waiters.wait(`job:${request.id}`, left);
    }
  }

  async cancel(request: rpc.JobRequest): Promise<rpc.ChangeReply> {
    return this.#step(request, () => this.#core.dated(this.#core.cancel(request)));
  }

  async retry(request: rpc.JobRequest): Promise<rpc.ChangeReply> {
    return this.#step(request, () => this.#core.dated(this.#core.retry(request)));
  }

  async explain(request: rpc.JobRequest): Promise<rpc.ExplainReply> {
    await this.#knowSlots(request.epoch);
    return this.#core.dated(this.#core.explain(request));
  }

  async list(request: rpc.ListRequest): Promise<rpc.ListReply> {
    await this.#decisions(this.#core.transactionsOverdue());
    return this.#core.dated(this.#core.list(request));
  }

  async held(request: rpc.HeldRequest): Promise<string[]> {
    return this.#core.held(request);
  }

  async operate(request: rpc.OperateRequest): Promise<rpc.OperationProgress> {
    return this.#step(request, () => this.#core.operate(request));
  }

  async operationProgress(request: rpc.OperationProgressRequest): Promise<rpc.OperationProgress[]> {
    return this.#core.operationProgress(request);
  }

  async releaseKeys(request: rpc.ReleaseKeysRequest): Promise<string[]> {
    return this.#step(request, () => this.#core.releaseKeys(request));
  }

  async configure(request: rpc.ConfigureRequest): Promise<void> {
    return this.#step(request, () => this.#core.configure(request));
  }

  async configureSchedules(request: rpc.ConfigureSchedulesRequest): Promise<rpc.ConfigureSchedulesReply> {
    return this.#step(request, () => this.#core.configureSchedules(request));
  }

  async scheduleStates(request: rpc.ScheduleStatesRequest): Promise<rpc.ScheduleState[]> {
    return this.#core.scheduleStates(request);
  }

  async fires(request: rpc.FiresRequest): Promise<Fire[]> {
    return this.#core.fires(request);
  }

  async configureSubscriptions(request: rpc.ConfigureSubscriptionsRequest): Promise<void> {
    return this.#step(request, () => this.#core.configureSubscriptions(request));
  }

  async subscriptionStates(request: rpc.SubscriptionStatesRequest): Promise<rpc.SubscriptionState[]> {
    return this.#core.subscriptionStates(request);
  }

  async deliver(request: rpc.DeliverRequest): Promise<rpc.DeliverReply> {
    return this.#step(request, () => this.#core.deliver(request));
  }

  async hold(request: rpc.HoldRequest): Promise<rpc.HoldReply> {
    return this.#step(request, () => this.#core.hold(request));
  }

  async purge(request: rpc.PurgeRequest): Promise<rpc.PurgeReply> {
    return this.#step(request, () => this.#core.purge(request));
  }

  async redrive(request: rpc.RedriveRequest): Promise<rpc.RedriveReply> {
    return this.#step(request, () => this.#core.redrive(request));
  }

  async deadJobs(request: rpc.DeadJobsRequest): Promise<rpc.DeadReply> {
    return this.#core.deadJobs(request);
  }

  async discardFailed(request: rpc.DeadWalk): Promise<rpc.DiscardReply> {
    return this.#step(request, () => this.#core.discardFailed(request));
  }

  async bury(request: rpc.BuryRequest): Promise<void> {
    return this.#step(request, () => this.#core.bury(request));
  }

  async revive(request: rpc.ReviveRequest): Promise<rpc.ReviveReply> {
    return this.#step(request, () => this.#core.revive(request));
  }

  async failures(request: rpc.FailuresRequest): Promise<rpc.FailuresReply> {
    return this.#step(request, () => this.#core.failures(request));
  }

  async orderingKeys(request: rpc.OrderingKeysRequest): Promise<rpc.OrderingKey[]> {
    return this.#core.orderingKeys(request);
  }

  async changeKey(request: rpc.ChangeKeyRequest): Promise<rpc.ChangeKeyReply> {
    return this.#step(request, () => this.#core.changeKey(request));
  }

  async stats(request: rpc.QueueRef): Promise<rpc.QueueStats> {
    return this.#core.stats(request);
  }

  async finished(request: rpc.FinishedRequest): Promise<rpc.FinishedReply> {
    return this.#core.finished(request);
  }

  async projected(request: rpc.ShardCall & { cursor: number; bookmark?: string }): Promise<void> {
    return this.#step(request, () => this.#core.projected(request));
  }

  async wake(request: rpc.ShardCall): Promise<rpc.ShardHealth> {
    return this.#step(request, () => this.#core.wake(request));
  }

  async audit(request: rpc.ShardCall): Promise<rpc.AuditReply> {
    await this.#knowSlots(request.epoch);
    return this.#core.audit(request, await this.ctx.storage.getAlarm());
  }

  override async alarm(): Promise<void> {
    try {
      this.#core.alarm();
    } catch (error) {
      // An alarm that throws six times is dropped for good; the core has armed the next one before it began.
      console.error(JSON.stringify({ at: "shard.alarm", shard: this.#core.name, error: String(error) }));
    }
  }

  /** Waits, a bounded time, until one of these is decided; and asks for it, because the word may have been lost. */
  async #decisions(txns: readonly string[]): Promise<void> {
    if (txns.length === 0) return;
    const decided = this.#waiters.wait(DECIDED, DECISION_WAIT_MS);
    for (const txn of txns) this.#ask(txn);
    await decided;
  }

  /** Asks a coordinator, and goes by its answer. Without one, the alarm asks again. */
  #ask(txn: string): void {
    const coordinator = this.env.TRANSACTION.getByName(txn) as unknown as rpc.TransactionApi;
    const told = coordinator
      .outcome({ v: rpc.RPC_VERSION })
      .then((outcome) => this.#group.run(() => this.#core.told(txn, outcome)))
      .catch((error: unknown) => console.warn(JSON.stringify({ at: "shard.ask", txn, error: String(error) })));
    this.ctx.waitUntil(told);
  }

  async #step<T>(request: rpc.ShardCall, step: () => T): Promise<T> {
    await this.#knowSlots(request.epoch);
    return this.#group.run(step);
  }

  /** A shard that has no map, or hears of a newer one, asks the Directory before it answers. */
  async #knowSlots(epoch: number): Promise<void> {
    const map = this.#core.map();
    if (map !== null && map.epoch >= epoch) return;
    // The platform's stub types turn tuples into plain arrays on their way through RPC, which values do not.
    const directory = this.env.DIRECTORY.getByName("directory") as unknown as rpc.DirectoryApi;
    this.#core.adopt(await directory.map());
  }

  /** A bell is a hint: when the Queue refuses it, the alarm rings again. */
  #ring(bell: Doorbell, delaySeconds: number): void {
    const sent = queueOf(this.env, bell).send(bell, delaySeconds > 0 ? { delaySeconds } : {});
    const noted = sent.then(
      () => undefined,
      (error: unknown) => console.warn(JSON.stringify({ at: "shard.ring", bell, error: String(error) })),
    );
    this.ctx.waitUntil(noted);
  }

  #wakeWaiting(finishedIds: readonly string[]): void {
    for (const id of finishedIds) this.#waiters.wake(`job:${id}`);
    for (const key of [...this.#waiters.keys()]) {
      if (!key.startsWith("queue:")) continue;
      const [namespace = "", queue = ""] = key.slice("queue:".length).split("/");
      if (this.#core.readyIn(namespace, queue) > 0) this.#waiters.wake(key, WOKEN_AT_ONCE);
    }
  }
}

/**
 * Those who wait for work are woken some at a time, the newest first: the older a wait, the likelier it is that its
 * caller has found work on another shard meanwhile and is gone.
 */
const WOKEN_AT_ONCE = 32;

/** For those who read a job of a batch that is not decided: what they wait for, and how long. */
const DECIDED = "decided";
const DECISION_WAIT_MS = 1_500;
