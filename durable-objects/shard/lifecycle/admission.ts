import { MAX_PRIORITY } from "../../../contract/limits.ts";
import type { Submitted } from "../../../contract/rpc.ts";
import {
  markOf,
  QUEUE_FLOOR_PERCENT,
  retryAfterMs,
  SHARD_FLOOR_PERCENT,
  STANDSTILL_RETRY_MS,
} from "../../../domain/backlog.ts";
import { shardShare } from "../../../domain/namespace.ts";
import { partitionShare, type QueueSettings } from "../../../domain/queue.ts";
import { slotOf } from "../../../domain/slots.ts";
import type { Sql } from "../../sql.ts";
import { COUNTS, unfinishedIn } from "../jobs/counts.ts";
import { METRICS } from "../jobs/metrics.ts";
import { ROW_BYTES } from "../jobs/stored-size.ts";
import { OWNERSHIP, type Ownership } from "../kernel/ownership.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { STORED_BYTES } from "../namespaces/stored-bytes.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { ANY_RESERVATION, UNDECIDED_COUNTS } from "../reservations/reservation-store.ts";
import { OUTGOING } from "./outgoing.ts";

/** What one shard holds at most. */
export interface ShardLimits {
  /** Of its database: from here on nothing new comes in. What is there may still run, end and go. */
  maxBytes: number;
  /** Of its database: from here on the result of an attempt is not kept, so that its outcome can be. */
  maxResultBytes: number;
  /** Unfinished jobs, those that wait in the outbox among them. */
  maxJobs: number;
  /** Jobs that wait in the outbox for other shards. One namespace may have a quarter of them. */
  maxOutgoing: number;
}

/**
 * A Durable Object's database ends at 10 GB (10^10 bytes), and then nothing can be written: no claim, no report, no delete.
 *
 *     8 GiB   = 8.59 GB  nothing new comes in: no submission, fire, spawned job, revived job, or larger payload
 *     9.75 GB            results are not kept any more: an outcome without one is a row that is there already
 *    10 GB               the end
 *
 * Between the first two lie 1.16 GB for what may be written all the same: results of up to 256 KiB (4,400 of the largest, or
 * a million of a kilobyte), attempts, the log of finished jobs, events, progress. Above lie 250 MB for outcomes alone: 250
 * bytes each of a million jobs that run. Space comes back as history takes finished jobs, and by deletes and purges.
 *
 * Five million unfinished jobs of some 700 bytes are 3.5 GB, and a count of them takes seconds. A hundred thousand jobs in the
 * outbox are what half a minute brings of the most that one shard hands over, and are counted at the start in a tenth of a second.
 */
export const SHARD_LIMITS: ShardLimits = {
  maxBytes: 8 * 1024 ** 3,
  maxResultBytes: 9_750_000_000,
  maxJobs: 5_000_000,
  maxOutgoing: 100_000,
};

/** The database's size is asked for this often: it cannot grow by much in between. */
const BYTES_AGE_MS = 1_000;

/** How much this shard may hold: in all, of each namespace, and of each queue. */
export class Capacity {
  readonly limits: ShardLimits;
  readonly #sql: Sql;
  readonly #ownership: Ownership;
  /** By settings, of which there is one object a version. */
  #shares = new WeakMap<QueueSettings, { epoch: number; share: number }>();
  #bytes = { asked: Number.NEGATIVE_INFINITY, size: 0 };
  #slots = { epoch: -1, slots: 0 };

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

  /** The size of the database: as it was up to a second ago, and what was taken in since. */
  bytes(now: number): number {
    if (Math.abs(now - this.#bytes.asked) >= BYTES_AGE_MS) this.#bytes = { asked: now, size: this.#sql.bytes() };
    return this.#bytes.size;
  }

  /** So many bytes have been taken in since the size was asked for. */
  grow(bytes: number): void {
    this.#bytes.size += bytes;
  }

  /** The part of a namespace's limit that holds here. Null: no limit. */
  namespaceShare(limit: number | null): number | null {
    const { epoch } = this.#ownership;
    if (this.#slots.epoch !== epoch) this.#slots = { epoch, slots: this.#ownership.slotCount };
    return shardShare(limit, this.#slots.slots);
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

/** Whose jobs come. `new`: a caller's. `own`: Dure itself brings them, and no full backlog refuses them. `arrived`: they were let in where they began, and only a shard that can hold no more refuses them. */
export type Origin = "new" | "own" | "arrived";

/** What is to come in. */
export interface Incoming {
  priority: number;
  /** Of its payload. */
  bytes: number;
}

/** A job that another brings. `queue` is null where it goes to another shard, whose lines are not known here. */
export interface Brought extends Incoming {
  queue: KnownQueue | null;
}

/** What of one queue waits, as this step sees it. */
interface Line {
  waiting: number;
  /** Jobs of this step that were refused: each has to wait behind those before it. */
  refused: number;
}

/** What of one namespace is here, as this step sees it. */
interface Usage {
  jobs: number;
  bytes: number;
  /** Jobs that wait in the outbox, and those of this step that may. */
  outgoing: number;
}

/**
 * Whether what one step would take in fits: under the queue's backlog, the namespace's share of this shard, and on the shard.
 * What the step has taken in already counts. Every way in asks here; replays and retries of attempts bring nothing new.
 */
export class Admission {
  readonly #step: Step;
  readonly #lines = new Map<number, Line>();
  readonly #usages = new Map<string, Usage>();
  #unfinished: number | null = null;
  /** Taken in by this step. */
  #bytes = 0;
  /** Jobs of this step that may go into the outbox. */
  #outgoing = 0;

  constructor(step: Step) {
    this.#step = step;
    step.onCommit(() => step.get(CAPACITY).grow(this.#bytes));
  }

  /** Why a job does not fit, or null when it does. */
  refusal(queue: KnownQueue, { priority, bytes }: Incoming, origin: Origin): Full | null {
    const { namespace } = queue.settings;
    const mark = origin === "arrived" ? MAX_PRIORITY : priority;
    const full =
      this.#bytesFull(mark) ??
      this.#jobsFull(mark) ??
      (origin === "arrived"
        ? null
        : (this.#namespaceJobsFull(namespace) ?? this.#namespaceBytesFull(namespace, bytes))) ??
      (origin === "new" ? this.#queueFull(queue, priority) : null);
    return this.#counted(full);
  }

  /** A job was taken in. */
  took(queue: KnownQueue, { bytes }: Incoming): void {
    this.#line(queue).waiting += 1;
    this.#takeJob(queue.settings.namespace);
    this.grew(queue.settings.namespace, bytes + ROW_BYTES);
  }

  /** Why a final job of the namespace cannot come back in line, or null when it can. It has its row already. */
  refusalToReturn(namespace: string): Full | null {
    return this.#counted(this.#jobsFull(MAX_PRIORITY) ?? this.#namespaceJobsFull(namespace));
  }

  /** A final job came back in line, whose row is changed by now. */
  returned(namespace: string): void {
    this.#takeJob(namespace);
  }

  /** Why a payload of the namespace cannot grow by `bytes`, or null when it can. */
  refusalToGrow(namespace: string, bytes: number): Full | null {
    if (bytes <= 0) return null;
    return this.#counted(this.#bytesFull(MAX_PRIORITY) ?? this.#namespaceBytesFull(namespace, bytes));
  }

  grew(namespace: string, bytes: number): void {
    this.#bytes += bytes;
    this.#usage(namespace).bytes += bytes;
  }

  /**
   * Why a job that ends here cannot bring these, or null when it can. It leaves its own place to them on the shard and in its
   * namespace, so that a chain of jobs goes on where no other job has room. In the line of a queue it has no place any more. `at`
   * is the job that does not fit, where it is one.
   */
  refusalToBring(namespace: string, children: readonly Brought[]): (Full & { at: number }) | null {
    const more = children.length - 1;
    const bytes = children.reduce((sum, child) => sum + child.bytes, 0);
    const full =
      this.#bytesFull(MAX_PRIORITY) ??
      this.#jobsFull(MAX_PRIORITY, more) ??
      this.#outgoingFull(namespace, children.length) ??
      this.#namespaceJobsFull(namespace, more) ??
      this.#namespaceBytesFull(namespace, bytes);
    const refusal = full === null ? this.#firstWithoutRoom(children) : { ...full, at: 0 };
    this.#counted(refusal);
    return refusal;
  }

  /** The first of the jobs for which the line of its queue has no room behind those before it. */
  #firstWithoutRoom(children: readonly Brought[]): (Full & { at: number }) | null {
    const before = new Map<KnownQueue, number>();
    for (const [at, { queue, priority }] of children.entries()) {
      if (queue === null) continue;
      const ahead = before.get(queue) ?? 0;
      const full = this.#queueFull(queue, priority, ahead);
      if (full !== null) return { ...full, at };
      before.set(queue, ahead + 1);
    }
    return null;
  }

  /** Jobs were let in that a job brings: before they are written, so that what the next one brings comes on top. */
  brought(namespace: string, children: readonly Brought[]): void {
    for (const { queue, bytes } of children) {
      if (queue !== null) this.#line(queue).waiting += 1;
      this.#takeJob(namespace);
      this.grew(namespace, bytes + ROW_BYTES);
    }
    this.#outgoing += children.length;
    this.#usage(namespace).outgoing += children.length;
  }

  /** Not undone with the step: a batch that is refused whole was refused all the same. */
  #counted(full: Full | null): Full | null {
    if (full !== null) this.#step.get(METRICS).totals.refused += 1;
    return full;
  }

  #takeJob(namespace: string): void {
    this.#unfinished = this.#all() + 1;
    this.#usage(namespace).jobs += 1;
  }

  /** `ahead`: jobs that would come in before it, and are not counted yet. */
  #queueFull(queue: KnownQueue, priority: number, ahead = 0): Full | null {
    const max = this.#step.get(CAPACITY).share(queue.settings);
    if (max === null) return null;
    const line = this.#line(queue);
    const mark = markOf(max, priority, QUEUE_FLOOR_PERCENT);
    if (line.waiting + ahead < mark) return null;
    const metrics = this.#step.get(METRICS);
    const perSecond = queue.settings.paused ? 0 : metrics.perSecond(queue.ref, this.#step.now).started;
    const backlog = line.waiting + line.refused;
    line.refused += 1;
    return { type: "full", scope: "queue", retryAfterMs: retryAfterMs({ backlog, mark, perSecond }) };
  }

  /** Space comes back as jobs are forgotten: when that is, nobody knows. */
  #bytesFull(priority: number): Full | null {
    const capacity = this.#step.get(CAPACITY);
    const bytes = capacity.bytes(this.#step.now) + this.#bytes;
    return bytes < markOf(capacity.limits.maxBytes, priority, SHARD_FLOOR_PERCENT) ? null : atStandstill("shard");
  }

  #jobsFull(priority: number, more = 1): Full | null {
    const mark = markOf(this.#step.get(CAPACITY).limits.maxJobs, priority, SHARD_FLOOR_PERCENT);
    const backlog = this.#all();
    if (more <= 0 || backlog + more <= mark) return null;
    return {
      type: "full",
      scope: "shard",
      retryAfterMs: retryAfterMs({ backlog, mark, perSecond: this.#finishing() }),
    };
  }

  /** The outbox takes what other shards have not: of one namespace a quarter, so that it leaves room for the others. */
  #outgoingFull(namespace: string, more: number): Full | null {
    const { maxOutgoing } = this.#step.get(CAPACITY).limits;
    const all = this.#step.get(OUTGOING).all + this.#outgoing + more;
    const own = this.#usage(namespace).outgoing + more;
    return all <= maxOutgoing && own <= maxOutgoing / 4 ? null : atStandstill("shard");
  }

  #namespaceJobsFull(namespace: string, more = 1): Full | null {
    const { unfinishedJobs } = this.#step.get(NAMESPACES).limits(namespace);
    const share = this.#step.get(CAPACITY).namespaceShare(unfinishedJobs);
    if (share === null || more <= 0 || this.#usage(namespace).jobs + more <= share) return null;
    return atStandstill("namespace");
  }

  #namespaceBytesFull(namespace: string, more: number): Full | null {
    const share = this.#step.get(CAPACITY).namespaceShare(this.#step.get(NAMESPACES).limits(namespace).bytes);
    return share === null || this.#usage(namespace).bytes + more <= share ? null : atStandstill("namespace");
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

  #usage(namespace: string): Usage {
    let usage = this.#usages.get(namespace);
    if (usage === undefined) {
      const reserved = this.#reservedOf(namespace);
      const outgoing = this.#step.get(OUTGOING).of(namespace);
      const jobs = unfinishedIn(this.#step, namespace) + reserved + outgoing;
      usage = { jobs, bytes: this.#step.get(STORED_BYTES).of(namespace), outgoing };
      this.#usages.set(namespace, usage);
    }
    return usage;
  }

  #reservedOf(namespace: string): number {
    if (!this.#step.get(ANY_RESERVATION).any) return 0;
    const queues = this.#step.get(QUEUES).of(namespace);
    return queues.reduce((jobs, { ref }) => jobs + this.#reserved(ref), 0);
  }

  /** Unfinished jobs of the shard. */
  #all(): number {
    this.#unfinished ??= unfinishedIn(this.#step, null) + this.#reserved(null) + this.#step.get(OUTGOING).all;
    return this.#unfinished;
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

function atStandstill(scope: Full["scope"]): Full {
  return { type: "full", scope, retryAfterMs: STANDSTILL_RETRY_MS };
}

const ADMISSION = {};

/** What this step may take in: one for all that come in with it. */
export function admissionOf(step: Step): Admission {
  return step.scratch(ADMISSION, () => new Admission(step));
}
