import { answersUntil } from "../../domain/dedup.ts";
import { dueAt } from "../../domain/due.ts";
import type { Turns } from "../../domain/fairness.ts";
import { fingerprintOf } from "../../domain/fingerprint.ts";
import type { JobError } from "../../domain/job/job.ts";
import { isFinal } from "../../domain/job/state.ts";
import { limitsKeys } from "../../domain/queue.ts";
import { type ChangedJob, type EventType, eventOf } from "../../domain/subscription.ts";
import type { Capacity } from "./capacity.ts";
import type { FlowStore, GateKey } from "./claiming/flow-store.ts";
import { roomForNew, settle } from "./claiming/gate.ts";
import { jobFailed, settleLine } from "./claiming/ordering.ts";
import type { Counts, Standing } from "./counts.ts";
import { standingOf } from "./counts.ts";
import type { ParkedStore } from "./dead-letters/parked-store.ts";
import { dedupKeyOf, release } from "./dedup/dedup.ts";
import type { DedupStore } from "./dedup/dedup-store.ts";
import type { discardStore } from "./jobs/discard.ts";
import type { finishedStore, idempotencyStore } from "./jobs/finished-store.ts";
import type { JobStore } from "./jobs/job-store.ts";
import type { ProgressStore } from "./jobs/progress-store.ts";
import type { MetaStore } from "./meta-store.ts";
import type { Metrics } from "./metrics.ts";
import type { OperationStore } from "./operations/operation-store.ts";
import type { QueueStore } from "./queues/queue-store.ts";
import { BLOCKS, type JobHead, type JobSpec } from "./rows.ts";
import type { ScheduleStore } from "./schedules/schedule-store.ts";
import type { Courier } from "./spawning/courier.ts";
import type { SpawnStore } from "./spawning/spawn-store.ts";
import { Collector } from "./subscriptions/collect.ts";
import type { Dropped, FeedLimits } from "./subscriptions/drop.ts";
import type { FeedStore } from "./subscriptions/feed-store.ts";
import { changedJob } from "./subscriptions/stored-event.ts";
import type { TransactionStore } from "./transactions/transaction-store.ts";

/** Succeeded jobs never change, so history can answer for them: the shard keeps them an hour for quick reads. */
export const KEEP_SUCCEEDED_MS = 3_600_000;
/** A submission may still be on its way a second time: as long as that, its job's id must be known. */
export const KEEP_AT_LEAST_MS = 60_000;

export interface Stores {
  jobs: JobStore;
  discarded: ReturnType<typeof discardStore>;
  operations: OperationStore;
  queues: QueueStore;
  meta: MetaStore;
  finished: ReturnType<typeof finishedStore>;
  keys: ReturnType<typeof idempotencyStore>;
  dedup: DedupStore;
  flow: FlowStore;
  parked: ParkedStore;
  schedules: ScheduleStore;
  transactions: TransactionStore;
  spawns: SpawnStore;
  courier: Courier;
  feeds: FeedStore;
  feedLimits: FeedLimits;
  /** Whether the slot is this shard's by the map it goes by. */
  owns(slot: number): boolean;
  progress: ProgressStore;
  capacity: Capacity;
  /** Whose turn it is in claims of several queues. Held in memory alone: after a restart everybody starts even. */
  turns: { of: Turns };
  counts: Counts;
  metrics: Metrics;
}

/** What is to be known of a job that has just become final. */
export type FinishedRow = Pick<
  JobHead,
  "id" | "queue" | "version" | "created_at" | "state" | "ordering_key" | "concurrency_key" | "dedup_key"
>;

/**
 * One step of a shard: everything a command writes between its transaction's begin and commit. Each change of
 * a job goes through here, so that its deadline, its queue's counts, its ordering key and the log of finished
 * jobs change with it.
 */
export class Turn {
  readonly now: number;
  readonly random: () => number;
  readonly stores: Stores;
  /** The soonest time that this step wants the alarm for. */
  wakeAt = Number.POSITIVE_INFINITY;
  /** Jobs that became final in this step: for those who wait for them. */
  readonly finishedIds: string[] = [];
  /** Transactions whose coordinator is to be asked how they were decided. */
  readonly asks: string[] = [];
  /** A transaction was decided in this step: for those who wait for one of its jobs. */
  decided = false;
  /** Events of subscriptions that were given up in this step. */
  readonly dropped: Dropped[] = [];
  /** The last number this step gave in the log of finished jobs; 0 when it gave none. */
  newestFinished = 0;

  #finished = new Map<number, [id: string, version: number][]>();
  #moves: { queue: number; standing: Standing; by: 1 | -1 }[] = [];
  #after: (() => void)[] = [];
  /** Jobs whose progress and checkpoint nobody needs any more. */
  #endedWell: string[] = [];
  /** Concurrency keys of which a job was touched, and how many of their jobs this step started. */
  #gates = new Map<string, GateKey & { starts: number }>();
  /** New jobs of these keys that may still go straight through their gates. */
  #roomForNew = new Map<string, number>();

  #collector: Collector | null;

  constructor(stores: Stores, now: number, random: () => number) {
    this.stores = stores;
    this.now = now;
    this.random = random;
    this.#collector = stores.feeds.any ? new Collector(this) : null;
  }

  /** The alarm must not fire later than `at` (null: never mind). */
  wake(at: number | null): void {
    if (at !== null && at < this.wakeAt) this.wakeAt = at;
  }

  /** Something in memory that is to change only once the step has committed. */
  onCommit(effect: () => void): void {
    this.#after.push(effect);
  }

  moved(queue: number, before: Standing | null, after: Standing | null): void {
    if (before === after) return;
    if (before !== null) this.#moves.push({ queue, standing: before, by: -1 });
    if (after !== null) this.#moves.push({ queue, standing: after, by: 1 });
  }

  /** Ready jobs of a queue as this step sees them: what it has opened or started itself counts too. */
  readyOf(queue: number): number {
    let ready = this.stores.counts.of(queue).ready;
    for (const move of this.#moves) if (move.queue === queue && move.standing === "ready") ready += move.by;
    return ready;
  }

  /** A job of this concurrency key changed: its gate is settled before the step ends. Null: never mind. */
  touchGate(queue: number, key: string | null, starts = 0): void {
    if (key === null) return;
    const id = `${queue}/${key}`;
    const gate = this.#gates.get(id) ?? { queue, key, starts: 0 };
    gate.starts += starts;
    this.#gates.set(id, gate);
  }

  /** The gate's bit for a job that becomes queued: it goes through only when the gate is settled. */
  gateBit(queue: number, key: string | null): number {
    return key !== null && limitsKeys(this.stores.queues.get(queue).settings) ? BLOCKS.gate : 0;
  }

  /** The same for a new job: one that finds room goes through as it comes, which spares it being written twice. */
  gateBitOfNew(queue: number, key: string | null): number {
    if (key === null || this.gateBit(queue, key) === 0) return 0;
    const id = `${queue}/${key}`;
    const room = this.#roomForNew.get(id) ?? roomForNew(this, { queue, key });
    this.#roomForNew.set(id, room - 1);
    return room > 0 ? 0 : BLOCKS.gate;
  }

  /** Writes `row` with `patch` laid over it; version, deadline and all that hangs on the state follow. */
  change(row: JobHead, patch: Partial<JobHead>): JobHead {
    const next: JobHead = { ...row, ...patch, version: row.version + 1 };
    next.due_at = dueAt({
      state: next.state,
      runAt: next.run_at,
      expiresAt: next.expires_at,
      leaseEndsAt: next.lease_ends_at,
      attemptEndsAt: next.attempt_ends_at,
    });
    if (next.state !== "running") next.held = 0;
    if (next.state !== "queued") next.blocked &= ~BLOCKS.gate;
    else if (row.state !== "queued") next.blocked |= this.gateBit(row.queue, row.concurrency_key);
    if (next.state !== "failed") next.fingerprint = null;
    else if (row.state !== "failed") next.fingerprint = fingerprintOf(JSON.parse(next.error ?? "{}") as JobError);
    this.touchGate(row.queue, row.concurrency_key);
    this.stores.jobs.save(next);
    this.wake(next.due_at);
    this.moved(row.queue, standingOf(row), standingOf(next));
    if (isFinal(next.state) && !isFinal(row.state)) this.finished(next, this.#keysEndAt(next));
    if (next.state === "failed" && row.state !== "failed") jobFailed(this, next);
    const type = eventOf(row.state, next.state);
    if (type !== null) this.tell(type, row.queue, (queue) => [changedJob(type, next, queue)]);
    return next;
  }

  /** Jobs of a queue have changed: the subscriptions that ask for it are told. Without any, `jobs` is never called. */
  tell(type: EventType, queue: number, jobs: (queue: string) => ChangedJob[]): void {
    if (this.#collector === null) return;
    const { settings } = this.stores.queues.get(queue);
    this.#collector.tell(type, settings, () => jobs(settings.name));
  }

  /** The same, of jobs of a queue that one statement has changed. */
  tellAll(type: EventType, queue: number, jobs: readonly { id: string }[]): void {
    this.tell(type, queue, (name) => this.stores.feeds.toldRows(jobs).map((row) => changedJob(type, row, name)));
  }

  /** Logs a job that has just become final. A replay has to find its job: it is kept as long as its key (`keyEndsAt`). */
  finished(row: FinishedRow, keyEndsAt: number): void {
    const { retentionMs } = this.stores.queues.get(row.queue).settings;
    const keep = row.state === "succeeded" ? Math.min(retentionMs, KEEP_SUCCEEDED_MS) : retentionMs;
    const purgeAt = Math.max(this.now + Math.max(keep, KEEP_AT_LEAST_MS), row.state === "succeeded" ? 0 : keyEndsAt);
    this.log(row, purgeAt);
    this.finishedIds.push(row.id);
    const key = dedupKeyOf(row);
    if (key !== null) release(this, key, row.id);
    // A failed job may be redriven, and then goes on from its checkpoint.
    if (row.state !== "failed") this.#endedWell.push(row.id);
    const latency = this.now - row.created_at;
    this.onCommit(() => this.stores.metrics.finished(row.queue, latency, this.now));
  }

  /** Appends to the log of finished jobs: history gets this version, and the row goes at `purgeAt` if it still has it. */
  log(row: Pick<JobHead, "id" | "version">, purgeAt: number): void {
    const list = this.#finished.get(purgeAt) ?? [];
    list.push([row.id, row.version]);
    this.#finished.set(purgeAt, list);
  }

  /** When the keys of a job stop answering with it; 0 when it has none. */
  #keysEndAt(row: JobHead): number {
    const { idempotencyKey, dedupEndsAt } = JSON.parse(row.spec) as JobSpec;
    const { idempotencyWindowMs } = this.stores.queues.get(row.queue).settings;
    const endsAt = idempotencyKey === null ? 0 : row.created_at + idempotencyWindowMs;
    return dedupEndsAt === undefined ? endsAt : answersUntil(dedupEndsAt, this.now, idempotencyWindowMs);
  }

  /**
   * Opens the job of a key whose turn it is. `open` is the one that was open until now, null when it has just
   * become final; a blocked job that leaves the line changes nobody's turn and needs no call.
   */
  settleKey(queue: number, key: string | null, open: JobHead | null): void {
    if (key !== null) settleLine(this, { queue, key }, open);
  }

  /** Takes one of the reasons away why a job waits (`BLOCKS`). Where its key is limited, it then stands at the gate. */
  lift(row: JobHead, block: number): void {
    const gate = row.state === "queued" ? this.gateBit(row.queue, row.concurrency_key) : 0;
    this.stand(row, (row.blocked & ~(block | BLOCKS.gate)) | gate);
  }

  /** What holds a job back from now on. */
  stand(row: JobHead, blocked: number): void {
    this.stores.jobs.setBlocked(row.id, blocked);
    this.moved(row.queue, standingOf(row), standingOf({ ...row, blocked }));
    this.touchGate(row.queue, row.concurrency_key);
  }

  /** Brings the gates of all keys that were touched in line: a claim in this step then sees what the step made room for. */
  settleGates(): void {
    const touched = [...this.#gates.values()];
    this.#gates.clear();
    for (const gate of touched) settle(this, gate, gate.starts);
  }

  /** The last writes of the step. */
  flush(): void {
    this.settleGates();
    this.#collector?.flush();
    this.stores.progress.forget(this.#endedWell);
    for (const [purgeAt, jobs] of this.#finished) {
      this.newestFinished = this.stores.meta.sequence(this.now);
      this.stores.finished.append(this.newestFinished, purgeAt, jobs);
    }
  }

  /** After the commit: memory follows the rows. */
  committed(): void {
    this.stores.feeds.committed();
    for (const { queue, standing, by } of this.#moves) this.stores.counts.of(queue)[standing] += by;
    for (const effect of this.#after) effect();
  }
}
