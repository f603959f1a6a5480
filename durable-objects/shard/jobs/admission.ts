import type { Submitted } from "../../../contract/rpc.ts";
import {
  markOf,
  QUEUE_FLOOR_PERCENT,
  retryAfterMs,
  SHARD_FLOOR_PERCENT,
  STANDSTILL_RETRY_MS,
} from "../../../domain/backlog.ts";
import type { Tally } from "../counts.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import type { Turn } from "../turn.ts";

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
  readonly #turn: Turn;
  readonly #lines = new Map<number, Line>();
  #unfinished: number | null = null;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Why a job of `priority` does not fit, or null when it does. */
  refusal(queue: KnownQueue, priority: number): Full | null {
    const full = this.#shardFull(priority) ?? this.#queueFull(queue, priority);
    // Not undone with the step: a batch that is refused whole was refused all the same.
    if (full !== null) this.#turn.stores.metrics.totals.refused += 1;
    return full;
  }

  /** A job was taken in. */
  took(queue: KnownQueue): void {
    this.#line(queue).waiting += 1;
    this.#unfinished = this.#all() + 1;
  }

  #queueFull(queue: KnownQueue, priority: number): Full | null {
    const max = this.#turn.stores.capacity.share(queue.settings);
    if (max === null) return null;
    const line = this.#line(queue);
    const mark = markOf(max, priority, QUEUE_FLOOR_PERCENT);
    if (line.waiting < mark) return null;
    const { metrics } = this.#turn.stores;
    const perSecond = queue.settings.paused ? 0 : metrics.perSecond(queue.ref, this.#turn.now).started;
    const held = line.waiting + line.refused;
    line.refused += 1;
    return { type: "full", scope: "queue", retryAfterMs: retryAfterMs({ held, mark, perSecond }) };
  }

  #shardFull(priority: number): Full | null {
    const { capacity } = this.#turn.stores;
    const { maxBytes, maxJobs } = capacity.limits;
    if (capacity.bytes(this.#turn.now) >= markOf(maxBytes, priority, SHARD_FLOOR_PERCENT)) {
      // Space comes back as jobs are forgotten: when that is, nobody knows.
      return { type: "full", scope: "shard", retryAfterMs: STANDSTILL_RETRY_MS };
    }
    const held = this.#all();
    const mark = markOf(maxJobs, priority, SHARD_FLOOR_PERCENT);
    if (held < mark) return null;
    return { type: "full", scope: "shard", retryAfterMs: retryAfterMs({ held, mark, perSecond: this.#finishing() }) };
  }

  #line({ ref }: KnownQueue): Line {
    let line = this.#lines.get(ref);
    if (line === undefined) {
      const { counts, transactions } = this.#turn.stores;
      const { ready, blocked, scheduled } = counts.of(ref);
      line = { waiting: ready + blocked + scheduled + transactions.count(ref), refused: 0 };
      this.#lines.set(ref, line);
    }
    return line;
  }

  /** Unfinished jobs of the shard. */
  #all(): number {
    if (this.#unfinished === null) {
      this.#unfinished = this.#turn.stores.transactions.count();
      for (const [, tally] of this.#turn.stores.counts.queues()) this.#unfinished += unfinished(tally);
    }
    return this.#unfinished;
  }

  /** Jobs of any queue that end, per second. */
  #finishing(): number {
    const { metrics, queues } = this.#turn.stores;
    return queues.all().reduce((sum, { ref }) => sum + metrics.perSecond(ref, this.#turn.now).finished, 0);
  }
}

function unfinished({ ready, blocked, scheduled, running }: Tally): number {
  return ready + blocked + scheduled + running;
}
