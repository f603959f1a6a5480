import { LANES } from "../../domain/queue.ts";
import type { SlotMap } from "../../domain/slots.ts";
import { migrate } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { nextBatchExpiryAt } from "./batch-store.ts";
import { Bells, type Waiting } from "./bells.ts";
import { advance, purge } from "./clock.ts";
import { Counts } from "./counts.ts";
import { finishedStore, idempotencyStore } from "./finished-store.ts";
import { jobStore } from "./job-store.ts";
import { MetaStore } from "./meta-store.ts";
import { Metrics } from "./metrics.ts";
import { SHARD_MIGRATIONS } from "./migrations.ts";
import type { ShardPorts } from "./ports.ts";
import { QueueStore } from "./queue-store.ts";
import { type Stores, Turn } from "./turn.ts";

/** If everything else fails, the shard looks again after this long. */
const SAFETY_MS = 30_000;
/** A shard with nothing to do looks again after this long, in place of the safety alarm. */
const IDLE_MS = 3_600_000;

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
  #newestFinished: number;
  #onStep: (step: { finishedIds: readonly string[] }) => void = () => undefined;

  constructor(name: string, ports: ShardPorts) {
    this.#ports = ports;
    this.sql = ports.sql;
    migrate(ports.sql, SHARD_MIGRATIONS);
    this.stores = {
      jobs: jobStore(ports.sql),
      queues: new QueueStore(ports.sql),
      meta: new MetaStore(ports.sql),
      finished: finishedStore(ports.sql),
      keys: idempotencyStore(ports.sql),
      counts: new Counts(),
      metrics: new Metrics(ports.now()),
    };
    this.stores.counts.recount(ports.sql);
    this.map = this.stores.meta.map();
    this.#projected = this.stores.meta.projected();
    this.#newestFinished = this.stores.finished.newest();
    this.bells = new Bells(ports.sql, name);
    // The alarm may have been lost with the last instance: it is set anew from the rows.
    this.#settle(this.#nextDeadline());
  }

  now(): number {
    return this.#ports.now();
  }

  /** `listener` is told of every committed step: work may be claimable, and these jobs have become final. */
  listen(listener: (step: { finishedIds: readonly string[] }) => void): void {
    this.#onStep = listener;
  }

  adopt(map: SlotMap): void {
    if (this.map !== null && this.map.epoch >= map.epoch) return;
    this.step((turn) => turn.stores.meta.adopt(map));
    this.map = map;
  }

  /** History has everything up to `cursor`. An older word than the last changes nothing. */
  projected(cursor: number): void {
    if (cursor <= this.#projected) return;
    this.step((turn) => {
      turn.stores.meta.setProjected(cursor);
      turn.wake(turn.stores.finished.nextPurgeAt(cursor));
      turn.onCommit(() => {
        this.#projected = cursor;
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
    this.armedAt = null;
    this.#settle(dueLeft || purgeLeft ? this.now() : (this.#nextDeadline() ?? this.now() + IDLE_MS));
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
      throw error;
    }
    turn.committed();
    if (turn.newestFinished > this.#newestFinished) this.#newestFinished = turn.newestFinished;
    this.#settle(turn.wakeAt);
    this.#onStep({ finishedIds: turn.finishedIds });
    return result;
  }

  /** After a step: rings what is owed and sees that the alarm is not later than `deadline`. */
  #settle(deadline: number | null): void {
    const { bells, wakeAt } = this.bells.due(this.waiting(), this.now());
    for (const { bell, delaySeconds } of bells) this.#ports.ring(bell, delaySeconds);
    this.stores.metrics.totals.bells += bells.length;
    this.#arm(Math.min(deadline ?? Number.POSITIVE_INFINITY, wakeAt ?? Number.POSITIVE_INFINITY));
  }

  /** An alarm that is already sooner stays: it finds nothing due and sets the next. That saves a row a step. */
  #arm(at: number): void {
    if (!Number.isFinite(at) || (this.armedAt !== null && this.armedAt <= at)) return;
    this.armedAt = at;
    this.#ports.setAlarm(at);
  }

  #nextDeadline(): number | null {
    const { jobs, finished, keys } = this.stores;
    const times = [
      jobs.nextDueAt(),
      finished.nextPurgeAt(this.#projected),
      keys.nextExpiryAt(),
      nextBatchExpiryAt(this.sql),
    ];
    const known = times.filter((at) => at !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  /** What an executor or the projector could take now, by line. A limit that is used up makes its jobs wait unrung. */
  waiting(): Waiting[] {
    const byLane = new Map(LANES.map((lane) => [lane, 0]));
    for (const [ref, tally] of this.stores.counts.queues()) {
      const { settings } = this.stores.queues.get(ref);
      if (tally.ready === 0 || settings.paused || settings.target.type === "pull") continue;
      const room = settings.concurrency === null ? tally.ready : Math.max(0, settings.concurrency - tally.running);
      byLane.set(settings.lane, (byLane.get(settings.lane) ?? 0) + Math.min(tally.ready, room));
    }
    const lanes: Waiting[] = [...byLane].map(([line, jobs]) => ({ line, jobs }));
    return [...lanes, { line: "history", jobs: this.#newestFinished > this.#projected ? 1 : 0 }];
  }
}
