import type * as rpc from "../../contract/rpc.ts";
import { parseJobId } from "../../domain/job-id.ts";
import type { Fire } from "../../domain/schedule.ts";
import { owns, type SlotMap } from "../../domain/slots.ts";
import { auditShard } from "./audit/audit.ts";
import { NOTHING_HELD } from "./bells.ts";
import { claimForLane, claimFromQueue } from "./claiming/claim.ts";
import { consumerCame } from "./claiming/consumer-came.ts";
import { explain } from "./claiming/explain.ts";
import { claimable } from "./claiming/limits.ts";
import { advance } from "./clock.ts";
import { Engine, type StepDone } from "./engine.ts";
import { absent } from "./jobs/absent.ts";
import { cancel, purgeQueue, redrive, unredrivable } from "./jobs/change.ts";
import { dated } from "./jobs/dated.ts";
import { submitDeferred } from "./jobs/deferred.ts";
import { releaseKeys } from "./jobs/discard.ts";
import { historyPage } from "./jobs/history-page.ts";
import { listJobs } from "./jobs/list.ts";
import { extendAll, reportAll, reportOrWait } from "./jobs/report.ts";
import { refusedResults, submit } from "./jobs/submit.ts";
import { operate, progressOf } from "./operations/operate.ts";
import type { ShardPorts } from "./ports.ts";
import { configure, hold } from "./queues/configure.ts";
import { type JobHead, toJob } from "./rows.ts";
import { configureSchedules, firesOf, scheduleStates } from "./schedules/schedules.ts";
import { SpawnParts } from "./spawning/spawn-parts.ts";
import { health, queueStats } from "./stats.ts";
import { closeBatch, openBatch } from "./transactions/batch-store.ts";
import type { Stores, Turn } from "./turn.ts";

/**
 * One shard: the strongly consistent owner of its slots. Every method is one atomic step on SQLite: it reads
 * the rows, asks the rules in `domain/`, writes, and only then rings bells and moves the alarm. Nothing here
 * waits; the Durable Object around it does.
 */
export class ShardCore extends SpawnParts {
  readonly name: string;
  #engine: Engine;
  #stores: Stores;

  constructor(name: string, ports: ShardPorts) {
    const engine = new Engine(name, ports);
    super(engine);
    this.name = name;
    this.#engine = engine;
    this.#stores = this.#engine.stores;
  }

  /** The slot map this shard goes by, or null before the first `adopt`. */
  map(): SlotMap | null {
    return this.#engine.map;
  }

  adopt(map: SlotMap): void {
    this.#engine.adopt(map);
  }

  /** See `Engine.listen`. */
  onStep(listener: (step: StepDone) => void): void {
    this.#engine.listen(listener);
  }

  submit(request: rpc.SubmitRequest): rpc.SubmitReply {
    const moved = this.#notMine(request.jobs.map((job) => job.id));
    if (moved !== null) return moved;
    try {
      const take = request.deferred ? submitDeferred : submit;
      return this.#engine.step((turn) => take(turn, request));
    } catch (error) {
      const results = refusedResults(error);
      if (results === null) throw error;
      return { type: "submitted", results };
    }
  }

  openBatch(request: rpc.OpenBatchRequest): rpc.OpenBatchReply {
    const moved = this.slotNotMine(request.slot);
    if (moved !== null) return moved;
    return this.#engine.step((turn) => openBatch(turn, this.#engine.sql, request));
  }

  closeBatch(request: rpc.CloseBatchRequest): rpc.Moved | null {
    const moved = this.slotNotMine(request.slot);
    if (moved === null) this.#engine.step(() => closeBatch(this.#engine.sql, request));
    return moved;
  }

  work(request: rpc.WorkRequest): rpc.WorkReply {
    return this.#engine.step((turn) => {
      advance(turn);
      const reports = reportAll(turn, request.reports, { namespace: null, withJobs: false });
      const leaves = request.room.handler <= 0 && request.room.http <= 0;
      const items = leaves ? [] : claimForLane(turn, request);
      turn.onCommit(() => {
        const stays = items.length > 0;
        const left = this.#engine.waiting().find(({ line }) => line === request.lane)?.queues;
        const held = stays || leaves || left === undefined ? NOTHING_HELD : left;
        this.#engine.bells.answered(request.lane, { who: request.worker, stays, held, now: turn.now });
      });
      return { type: "work", reports, items };
    });
  }

  claim(request: rpc.ClaimRequest): rpc.ClaimReply {
    return this.#engine.step((turn) => {
      advance(turn);
      const jobs = claimFromQueue(turn, request);
      const { bells } = this.#engine;
      turn.onCommit(() => consumerCame(bells, this.#stores, { request, took: jobs.length, now: turn.now }));
      return { type: "claimed", jobs };
    });
  }

  /** Whether a claim would look at anything now; the Durable Object waits for it. */
  awaitWork(request: rpc.AwaitWorkRequest): boolean {
    return this.readyIn(request.namespace, request.queue) > 0;
  }

  report(request: rpc.ReportRequest): rpc.ReportReply {
    return this.#engine.step((turn) => reportOrWait(turn, request));
  }

  extend(request: rpc.ExtendRequest): rpc.ExtendReply {
    return this.#engine.step((turn) => ({ type: "extended", results: extendAll(turn, request) }));
  }

  get(request: rpc.GetRequest): rpc.JobReply {
    const moved = this.#notMine([request.id]);
    if (moved !== null) return moved;
    const row = this.#stores.jobs.row(request.id);
    const settings = row === null ? null : this.#stores.queues.get(row.queue).settings;
    if (row === null || settings === null || settings.namespace !== request.namespace)
      return absent(this.#stores, request);
    return { type: "job", job: this.#stores.progress.tell(toJob(row, settings)) };
  }

  cancel(request: rpc.JobRequest): rpc.ChangeReply {
    return this.#changeOne(request, cancel);
  }

  retry(request: rpc.JobRequest): rpc.ChangeReply {
    return this.#changeOne(request, (turn, row) => redrive(turn, row, 0));
  }

  explain(request: rpc.JobRequest): rpc.ExplainReply {
    const moved = this.#notMine([request.id]);
    if (moved !== null) return moved;
    const row = this.#stores.jobs.head(request.id);
    if (row === null || this.#stores.queues.get(row.queue).settings.namespace !== request.namespace)
      return absent(this.#stores, request);
    return { type: "explained", explanation: explain(this.#engine.sql, this.#stores, row, this.#engine.now()) };
  }

  list(request: rpc.ListRequest): rpc.ListReply {
    return listJobs(this.#engine.sql, this.#stores, request);
  }

  held(request: rpc.HeldRequest): string[] {
    return this.#engine.sql
      .all<{ id: string }>(
        "SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify(request.ids),
      )
      .map(({ id }) => id);
  }

  operate(request: rpc.OperateRequest): rpc.OperationProgress {
    return this.#engine.step((turn) => operate(turn, request.operation));
  }

  operationProgress({ ids }: rpc.OperationProgressRequest): rpc.OperationProgress[] {
    return ids.flatMap((id) => this.#stores.operations.find(id) ?? []).map(progressOf);
  }

  releaseKeys(request: rpc.ReleaseKeysRequest): string[] {
    const held = this.held({ ...request, ids: request.jobs.map(({ id }) => id) });
    this.#engine.step((turn) => releaseKeys(turn, request, held));
    return held;
  }

  configure(request: rpc.ConfigureRequest): void {
    this.#engine.step((turn) => configure(turn, request.queues));
  }

  configureSchedules(request: rpc.ConfigureSchedulesRequest): rpc.ConfigureSchedulesReply {
    return this.#engine.step((turn) => configureSchedules(turn, request));
  }

  scheduleStates(request: rpc.ScheduleStatesRequest): rpc.ScheduleState[] {
    return scheduleStates(this.#stores, request);
  }

  fires(request: rpc.FiresRequest): Fire[] {
    return firesOf(this.#stores, request);
  }

  hold(request: rpc.HoldRequest): rpc.HoldReply {
    return this.#engine.step((turn) => hold(turn, request));
  }

  purge(request: rpc.PurgeRequest): rpc.PurgeReply {
    return this.#engine.step((turn) => purgeQueue(turn, this.#engine.sql, request));
  }

  stats(request: rpc.QueueRef): rpc.QueueStats {
    return queueStats(this.#engine.sql, this.#stores, request, this.#engine.now());
  }

  finished(request: rpc.FinishedRequest): rpc.FinishedReply {
    const page = historyPage(this.#stores, { ...request, skip: request.skip ?? 0 });
    this.#projectorCame(page.jobs > 0);
    return page;
  }

  projected(request: { cursor: number; bookmark?: string }): void {
    this.#projectorCame(false);
    this.#engine.projected(request.cursor, request.bookmark ?? null);
  }

  /** An answer of this moment, and what it takes to know as much of finished jobs: see `Told`. */
  dated<R>(reply: R): R {
    return dated(reply, this.#engine.logEnd());
  }

  /** The alarm's handler. */
  alarm(): void {
    this.#engine.alarm();
  }

  wake(_request: rpc.ShardCall): rpc.ShardHealth {
    this.#engine.repair();
    return { ...health(this.#engine.sql, this.#stores, this.#engine.now()), seq: this.#engine.logEnd().seq };
  }

  /** `alarmAt` is what the platform says the alarm is set to; left out, what this instance set it to. */
  audit(_request: rpc.ShardCall, alarmAt: number | null = this.#engine.armedAt): rpc.AuditReply {
    const { map } = this.#engine;
    const violations = auditShard(this.#engine.sql, this.#stores, {
      owns: this.#stores.owns,
      alarmAt,
      waiting: this.#engine.waiting(),
      now: this.#engine.now(),
    });
    const slots = map?.shards.find((shard) => shard.id === this.name)?.slots ?? [];
    return { shard: this.name, epoch: map?.epoch ?? 0, slots, violations };
  }

  /** How many jobs of a queue a claim could look at: for those who wait for work. */
  readyIn(namespace: string, name: string): number {
    const queue = this.#stores.queues.find(namespace, name);
    return queue === null ? 0 : claimable(this.#stores, queue, this.#engine.now());
  }

  #projectorCame(took: boolean): void {
    const now = this.#engine.now();
    this.#engine.bells.answered("history", { who: "projector", stays: took, held: NOTHING_HELD, now });
  }

  #changeOne(request: rpc.JobRequest, change: (turn: Turn, row: JobHead) => JobHead | null): rpc.ChangeReply {
    const moved = this.#notMine([request.id]);
    if (moved !== null) return moved;
    return this.#engine.step((turn) => {
      const row = turn.stores.jobs.head(request.id);
      const settings = row === null ? null : turn.stores.queues.get(row.queue).settings;
      if (row === null || settings === null || settings.namespace !== request.namespace)
        return absent(this.#stores, request);
      const changed = change(turn, row) !== null;
      const after = turn.stores.jobs.row(request.id);
      if (after === null) throw new Error(`${request.id} vanished within a step`);
      const job = turn.stores.progress.tell(toJob(after, settings));
      return changed ? { type: "job", job } : { type: "conflict", job, because: unredrivable(turn, row) };
    });
  }

  /** `moved` when a job lies in a slot of another shard. An id that is none lies nowhere: the read finds nothing. */
  #notMine(ids: string[]): rpc.Moved | null {
    for (const id of ids) {
      const parsed = parseJobId(id);
      const moved = parsed === null ? null : this.slotNotMine(parsed.slot);
      if (moved !== null) return moved;
    }
    return null;
  }

  protected override slotNotMine(slot: number): rpc.Moved | null {
    const { map } = this.#engine;
    if (map === null) throw new Error(`${this.name} has no slot map yet`);
    return owns(map, this.name, slot) ? null : { type: "moved", map };
  }
}
