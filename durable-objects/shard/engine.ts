import { FIRST_TURNS } from "../../domain/fairness.ts";
import { owns, type SlotMap } from "../../domain/slots.ts";
import { migrate } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { Bells, type Waiting } from "./bells.ts";
import { Capacity, SHARD_LIMITS } from "./capacity.ts";
import { flowStore } from "./claiming/flow-store.ts";
import { rateHoldsUntil } from "./claiming/limits.ts";
import { blocksNoMore } from "./claiming/ordering.ts";
import { advance, purge } from "./clock.ts";
import { Counts } from "./counts.ts";
import { ParkedStore } from "./dead-letters/parked-store.ts";
import { dedupStore } from "./dedup/dedup-store.ts";
import type { LogEnd } from "./jobs/dated.ts";
import { discardStore } from "./jobs/discard.ts";
import { finishedStore, idempotencyStore } from "./jobs/finished-store.ts";
import { jobStore } from "./jobs/job-store.ts";
import { ProgressStore } from "./jobs/progress-store.ts";
import { MetaStore } from "./meta-store.ts";
import { Metrics } from "./metrics.ts";
import { SHARD_MIGRATIONS } from "./migrations.ts";
import { stepOperations } from "./operations/operate.ts";
import { operationStore } from "./operations/operation-store.ts";
import type { ShardPorts } from "./ports.ts";
import { type KnownQueue, QueueStore } from "./queues/queue-store.ts";
import { scheduleStore } from "./schedules/schedule-store.ts";
import { Courier } from "./spawning/courier.ts";
import { SpawnStore } from "./spawning/spawn-store.ts";
import { FEED_LIMITS } from "./subscriptions/drop.ts";
import { FeedStore } from "./subscriptions/feed-store.ts";
import { nextFeedAt } from "./subscriptions/subscriptions.ts";
import { nextBatchExpiryAt } from "./transactions/batch-store.ts";
import { TransactionStore } from "./transactions/transaction-store.ts";
import { type Stores, Turn } from "./turn.ts";
import { waitingIn } from "./waiting.ts";

/** If everything else fails, the shard looks again after this long. */
const SAFETY_MS = 30_000;
/** A shard with nothing to do looks again after this long, in place of the safety alarm. */
const IDLE_MS = 3_600_000;

/** What those around the shard have to know of a step: jobs that became final, and of transactions what `Turn` says. */
export type StepDone = Pick<Turn, "finishedIds" | "asks" | "decided" | "dropped">;

/**
 * What every step of a shard has in common: one transaction; then memory, bells and the alarm follow the rows.
 * Bells and the alarm are derived, never trusted: they are worked out anew from the rows when the object starts.
 */
export class Engine {
  readonly sql: Sql;
  readonly stores: Stores;
  readonly bells: Bells;
  /** The slot map this shard goes by, or null before the first `adopt`. */
  map: SlotMap | null;
  /** What the alarm is set to; null when it is not. Never later than the soonest deadline. */
  armedAt: number | null = null;
  #ports: ShardPorts;
  #projected: number;
  /** Of the write with which history got as far as `#projected`. A hint, which dies with the object. */
  #bookmark: string | null = null;
  #newestFinished: number;
  #onStep: (step: StepDone) => void = () => undefined;

  constructor(name: string, ports: ShardPorts) {
    this.#ports = ports;
    this.sql = ports.sql;
    migrate(ports.sql, SHARD_MIGRATIONS);
    const queues = new QueueStore(ports.sql);
    const spawns = new SpawnStore(ports.sql);
    this.stores = {
      jobs: jobStore(ports.sql),
      discarded: discardStore(ports.sql),
      operations: operationStore(ports.sql),
      queues,
      meta: new MetaStore(ports.sql),
      finished: finishedStore(ports.sql),
      keys: idempotencyStore(ports.sql),
      dedup: dedupStore(ports.sql),
      flow: flowStore(ports.sql),
      parked: new ParkedStore(ports.sql),
      schedules: scheduleStore(ports.sql),
      transactions: new TransactionStore(ports.sql),
      spawns,
      courier: new Courier(name, { spawns, queues, map: () => this.map }),
      feeds: new FeedStore(ports.sql),
      feedLimits: ports.feedLimits ?? FEED_LIMITS,
      owns: (slot) => this.map !== null && owns(this.map, name, slot),
      progress: new ProgressStore(ports.sql),
      capacity: new Capacity(name, ports.sql, ports.limits ?? SHARD_LIMITS),
      turns: { of: FIRST_TURNS },
      counts: new Counts(),
      metrics: new Metrics(ports.now()),
    };
    this.stores.counts.recount(ports.sql);
    this.map = this.stores.meta.map();
    this.stores.capacity.adopt(this.map);
    this.#projected = this.stores.meta.projected();
    this.#newestFinished = Math.max(this.stores.finished.newest(), this.#projected);
    this.bells = new Bells(ports.sql, name);
    // The alarm may have been lost with the last instance: it is set anew from the rows.
    this.#settle(this.#nextDeadline());
  }

  now(): number {
    return this.#ports.now();
  }

  /** `listener` is told of every committed step: work may be claimable. */
  listen(listener: (step: StepDone) => void): void {
    this.#onStep = listener;
  }

  adopt(map: SlotMap): void {
    if (this.map !== null && this.map.epoch >= map.epoch) return;
    this.step((turn) => turn.stores.meta.adopt(map));
    this.map = map;
    this.stores.capacity.adopt(map);
  }

  /** See `dated`. */
  logEnd(): LogEnd {
    return { seq: this.#newestFinished, forgotten: this.stores.meta.forgotten(), bookmark: this.#bookmark };
  }

  /** History has everything up to `cursor`. An older word than the last changes nothing. */
  projected(cursor: number, bookmark: string | null): void {
    if (cursor === this.#projected) this.#bookmark = bookmark ?? this.#bookmark;
    if (cursor <= this.#projected) return;
    this.step((turn) => {
      turn.stores.meta.setProjected(cursor);
      turn.wake(turn.stores.finished.nextPurgeAt(cursor));
      turn.onCommit(() => {
        this.#projected = cursor;
        this.#bookmark = bookmark;
      });
    });
  }

  /** The alarm's handler. A safety alarm is armed before anything that could fail. */
  alarm(): void {
    this.armedAt = null;
    this.#arm(this.now() + SAFETY_MS);
    this.#clock();
  }

  /** From outside, whatever the alarm says: counts from the rows, then everything that is due. */
  repair(): void {
    this.stores.counts.recount(this.sql);
    this.alarm();
  }

  /**
   * Runs the clock, and then sets the alarm to what the rows ask for: at once when more is due than one step may
   * do. When a step throws, the safety alarm stays as it was armed.
   */
  #clock(): void {
    const dueLeft = this.step((turn) => advance(turn));
    const purgeLeft = this.step((turn) => purge(turn, this.sql));
    const operationLeft = this.step((turn) => stepOperations(turn, this.sql));
    this.armedAt = null;
    this.#settle(dueLeft || purgeLeft || operationLeft ? this.now() : (this.#nextDeadline() ?? this.now() + IDLE_MS));
  }

  /** One atomic step. Memory follows the rows: forward after the commit, back to them when it was undone. */
  step<T>(command: (turn: Turn) => T): T {
    const turn = new Turn(this.stores, this.now(), this.#ports.random);
    let result: T;
    try {
      result = this.sql.transaction(() => {
        const done = command(turn);
        turn.flush();
        return done;
      });
    } catch (error) {
      this.stores.queues.reload();
      this.stores.meta.reload();
      this.stores.progress.reload();
      this.stores.feeds.reload();
      throw error;
    }
    turn.committed();
    if (turn.newestFinished > this.#newestFinished) this.#newestFinished = turn.newestFinished;
    this.#settle(turn.wakeAt);
    this.#onStep(turn);
    return result;
  }

  /** After a step: rings what is owed and sees that the alarm is not later than `deadline`. */
  #settle(deadline: number | null): void {
    const { bells, wakeAt } = this.bells.due(this.waiting(), this.now());
    for (const { bell, delaySeconds } of bells) this.#ports.ring(bell, delaySeconds);
    this.stores.metrics.totals.bells += bells.length;
    const times = [deadline, wakeAt, this.#rateOpensAt()].filter((at) => at !== null);
    this.#arm(Math.min(...times));
  }

  /** When a rate lets the next job start that it holds back: executors and waiting workers are told then. */
  #rateOpensAt(): number | null {
    const now = this.now();
    return earliest(this.#queuesWithReady().map((queue) => rateHoldsUntil(this.stores, queue, now)));
  }

  /** A shard knows every queue there is, and mostly few of them have work. */
  #queuesWithReady(): KnownQueue[] {
    return this.stores.counts.withReady().map((ref) => this.stores.queues.get(ref));
  }

  /** An alarm that is already sooner stays: it finds nothing due and sets the next. That saves a row a step. */
  #arm(at: number): void {
    if (!Number.isFinite(at) || (this.armedAt !== null && this.armedAt <= at)) return;
    this.armedAt = at;
    this.#ports.setAlarm(at);
  }

  #nextDeadline(): number | null {
    const { jobs, finished, keys, dedup, flow } = this.stores;
    const times = [
      jobs.nextDueAt(),
      finished.nextPurgeAt(this.#projected),
      keys.nextExpiryAt(),
      dedup.nextExpiryAt(),
      flow.nextLookAt(),
      this.stores.schedules.nextDueAt(),
      this.stores.operations.nextAt(),
      this.stores.transactions.nextAt(),
      this.stores.courier.nextAt(this.now()),
      nextFeedAt(this.stores, this.now()),
      nextBatchExpiryAt(this.sql),
      blocksNoMore(this.stores).length > 0 ? this.now() : null,
    ];
    return earliest(times);
  }

  /** What an executor or the projector could take now, by line. A limit that is used up makes its jobs wait unrung. */
  waiting(): Waiting[] {
    const historyLacks = this.#newestFinished > this.#projected;
    return waitingIn(this.stores, this.#queuesWithReady(), { historyLacks, now: this.now() });
  }
}

function earliest(times: (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}
