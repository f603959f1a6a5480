import type { Submitted } from "../../../contract/rpc.ts";
import {
  markOf,
  QUEUE_FLOOR_PERCENT,
  retryAfterMs,
  SHARD_FLOOR_PERCENT,
  STANDSTILL_RETRY_MS,
} from "../../../domain/backlog.ts";
import { partitionShare, type QueueSettings } from "../../../domain/queue.ts";
import { slotOf } from "../../../domain/slots.ts";
import type { Sql } from "../../sql.ts";
import { COUNTS } from "../jobs/counts.ts";
import { METRICS } from "../jobs/metrics.ts";
import { OWNERSHIP, type Ownership } from "../kernel/ownership.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { ANY_RESERVATION, UNDECIDED_COUNTS } from "../reservations/reservation-store.ts";

/** What one shard holds at most. */
export interface ShardLimits {
  /** Of its database. */
  maxBytes: number;
  /** Unfinished jobs. */
  maxJobs: number;
}

/**
 * A Durable Object's database ends at 10 GB, and then nothing can be written: no claim, no report, no delete. Jobs are
 * refused well before. Five million unfinished jobs of some 600 bytes are three gigabytes, and a count of them takes seconds.
 */
export const SHARD_LIMITS: ShardLimits = { maxBytes: 8 * 1024 ** 3, maxJobs: 5_000_000 };

/** The database's size is asked for this often: it cannot grow by much in between. */
const BYTES_AGE_MS = 1_000;

/** How much this shard may hold: in all, and of each queue. */
export class Capacity {
  readonly limits: ShardLimits;
  readonly #sql: Sql;
  readonly #ownership: Ownership;
  /** By settings, of which there is one object a version. */
  #shares = new WeakMap<QueueSettings, { epoch: number; share: number }>();
  #bytes = { asked: Number.NEGATIVE_INFINITY, size: 0 };

  constructor(sql: Sql, ownership: Ownership, limits: ShardLimits) {
    this.#sql = sql;
    this.#ownership = ownership;
    this.limits = limits;
  }

  /** How many jobs of a queue may wait here: the shares of its partitions that lie on this shard. Null: no limit. */
  share(settings: QueueSettings): number | null {
    if (settings.maxBacklog === null) return null;
    const known = this.#shares.get(settings);
    const { epoch } = this.#ownership;
    if (known !== undefined && known.epoch === epoch) return known.share;
    const share = this.#shareOf(settings, settings.maxBacklog);
    this.#shares.set(settings, { epoch, share });
    return share;
  }

  /** The size of the database, up to a second old. */
  bytes(now: number): number {
    if (Math.abs(now - this.#bytes.asked) >= BYTES_AGE_MS) this.#bytes = { asked: now, size: this.#sql.bytes() };
    return this.#bytes.size;
  }

  #shareOf({ namespace, name, partitions }: QueueSettings, maxBacklog: number): number {
    let share = 0;
    for (let partition = 0; partition < partitions; partition++) {
      if (this.#ownership.owns(slotOf(namespace, name, partition)))
        share += partitionShare(maxBacklog, partitions, partition);
    }
    return share;
  }
}

/** What this shard may hold. */
export const SHARD_LIMITS_PART = new Part("shard limits", () => SHARD_LIMITS);

export const CAPACITY = new Part(
  "capacity",
  (shard) => new Capacity(shard.sql, shard.get(OWNERSHIP), shard.get(SHARD_LIMITS_PART)),
);

export type Full = Extract<Submitted, { type: "full" }>;

/** What of one queue waits, as this request sees it. */
interface Line {
  waiting: number;
  /** Jobs of this request that were refused: each has to wait behind those before it. */
  refused: number;
}

/**
 * Whether the new jobs of one request fit: under their queue's backlog, and on the shard. Jobs that this request has
 * brought already count. Only what a submission would add is asked for: replays, retries and redrives never come here.
 */
export class Admission {
  readonly #step: Step;
  readonly #lines = new Map<number, Line>();
  #unfinished: number | null = null;

  constructor(step: Step) {
    this.#step = step;
  }

  /** Why a job of `priority` does not fit, or null when it does. */
  refusal(queue: KnownQueue, priority: number): Full | null {
    const full = this.#shardFull(priority) ?? this.#queueFull(queue, priority);
    // Not undone with the step: a batch that is refused whole was refused all the same.
    if (full !== null) this.#step.get(METRICS).totals.refused += 1;
    return full;
  }

  /** A job was taken in. */
  took(queue: KnownQueue): void {
    this.#line(queue).waiting += 1;
    this.#unfinished = this.#all() + 1;
  }

  #queueFull(queue: KnownQueue, priority: number): Full | null {
    const max = this.#step.get(CAPACITY).share(queue.settings);
    if (max === null) return null;
    const line = this.#line(queue);
    const mark = markOf(max, priority, QUEUE_FLOOR_PERCENT);
    if (line.waiting < mark) return null;
    const metrics = this.#step.get(METRICS);
    const perSecond = queue.settings.paused ? 0 : metrics.perSecond(queue.ref, this.#step.now).started;
    const backlog = line.waiting + line.refused;
    line.refused += 1;
    return { type: "full", scope: "queue", retryAfterMs: retryAfterMs({ backlog, mark, perSecond }) };
  }

  #shardFull(priority: number): Full | null {
    const capacity = this.#step.get(CAPACITY);
    const { maxBytes, maxJobs } = capacity.limits;
    if (capacity.bytes(this.#step.now) >= markOf(maxBytes, priority, SHARD_FLOOR_PERCENT)) {
      // Space comes back as jobs are forgotten: when that is, nobody knows.
      return { type: "full", scope: "shard", retryAfterMs: STANDSTILL_RETRY_MS };
    }
    const backlog = this.#all();
    const mark = markOf(maxJobs, priority, SHARD_FLOOR_PERCENT);
    if (backlog < mark) return null;
    return {
      type: "full",
      scope: "shard",
      retryAfterMs: retryAfterMs({ backlog, mark, perSecond: this.#finishing() }),
    };
  }

  #line({ ref }: KnownQueue): Line {
    let line = this.#lines.get(ref);
    if (line === undefined) {
      const { ready, blocked, scheduled } = this.#step.get(COUNTS).of(ref);
      line = { waiting: ready + blocked + scheduled + this.#reserved(ref), refused: 0 };
      this.#lines.set(ref, line);
    }
    return line;
  }

  /** Unfinished jobs of the shard. */
  #all(): number {
    const all = this.#unfinished ?? this.#step.get(COUNTS).unfinished + this.#reserved(null);
    this.#unfinished = all;
    return all;
  }

  /** Jobs of a queue (null: of all) that may yet be accepted, with a batch that is not decided. */
  #reserved(queue: number | null): number {
    if (!this.#step.get(ANY_RESERVATION).any) return 0;
    const undecided = this.#step.get(UNDECIDED_COUNTS);
    return queue === null ? undecided.total : undecided.of(queue);
  }

  /** Jobs of any queue that end, per second. */
  #finishing(): number {
    return this.#step.get(METRICS).perSecond(null, this.#step.now).finished;
  }
}
