import { dueAt } from "../../domain/due.ts";
import { isFinal } from "../../domain/job.ts";
import { headOfKey } from "../../domain/ordering.ts";
import type { Counts, Standing } from "./counts.ts";
import { standingOf } from "./counts.ts";
import type { finishedStore, idempotencyStore } from "./finished-store.ts";
import type { JobStore } from "./job-store.ts";
import type { MetaStore } from "./meta-store.ts";
import type { Metrics } from "./metrics.ts";
import type { QueueStore } from "./queue-store.ts";
import type { JobHead, JobSpec } from "./rows.ts";

/** Succeeded jobs never change, so history can answer for them: the shard keeps them an hour for quick reads. */
export const KEEP_SUCCEEDED_MS = 3_600_000;
/** A submission may still be on its way a second time: as long as that, its job's id must be known. */
export const KEEP_AT_LEAST_MS = 60_000;

export interface Stores {
  jobs: JobStore;
  queues: QueueStore;
  meta: MetaStore;
  finished: ReturnType<typeof finishedStore>;
  keys: ReturnType<typeof idempotencyStore>;
  counts: Counts;
  metrics: Metrics;
}

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
  /** The last number this step gave in the log of finished jobs; 0 when it gave none. */
  newestFinished = 0;

  #finished = new Map<number, [id: string, version: number][]>();
  #moves: { queue: number; standing: Standing; by: 1 | -1 }[] = [];
  #after: (() => void)[] = [];

  constructor(stores: Stores, now: number, random: () => number) {
    this.stores = stores;
    this.now = now;
    this.random = random;
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
    this.stores.jobs.save(next);
    this.wake(next.due_at);
    this.moved(row.queue, standingOf(row), standingOf(next));
    if (isFinal(next.state) && !isFinal(row.state)) this.finished(next, this.#keyEndsAt(next));
    return next;
  }

  /** Logs a job that has just become final. A replay has to find its job: it is kept as long as its key (`keyEndsAt`). */
  finished(row: Pick<JobHead, "id" | "queue" | "version" | "created_at" | "state">, keyEndsAt: number): void {
    const { retentionMs } = this.stores.queues.get(row.queue).settings;
    const keep = row.state === "succeeded" ? Math.min(retentionMs, KEEP_SUCCEEDED_MS) : retentionMs;
    const purgeAt = Math.max(this.now + Math.max(keep, KEEP_AT_LEAST_MS), row.state === "succeeded" ? 0 : keyEndsAt);
    const list = this.#finished.get(purgeAt) ?? [];
    list.push([row.id, row.version]);
    this.#finished.set(purgeAt, list);
    this.finishedIds.push(row.id);
    const latency = this.now - row.created_at;
    this.onCommit(() => this.stores.metrics.finished(row.queue, latency, this.now));
  }

  /** When the idempotency key of a job stops answering; 0 when it has none. */
  #keyEndsAt(row: JobHead): number {
    const spec = JSON.parse(row.spec) as JobSpec;
    if (spec.idempotencyKey === null) return 0;
    return row.created_at + this.stores.queues.get(row.queue).settings.idempotencyWindowMs;
  }

  /**
   * Opens the job of a key whose turn it is. `open` is the one that was open until now, null when it has just
   * become final; a blocked job that leaves the line changes nobody's turn and needs no call.
   */
  settleKey(queue: number, key: string | null, open: JobHead | null): void {
    if (key === null) return;
    const { jobs } = this.stores;
    const first = jobs.firstOfKey(queue, key);
    const head = headOfKey(first, open);
    if (head === null || first === null || head.id === open?.id) return;
    jobs.setBlocked(first.id, 0);
    this.moved(queue, standingOf(first), standingOf({ ...first, blocked: 0 }));
    if (open === null) return;
    jobs.setBlocked(open.id, 1);
    this.moved(queue, standingOf(open), standingOf({ ...open, blocked: 1 }));
  }

  /** The last write of the step. */
  flush(): void {
    for (const [purgeAt, jobs] of this.#finished) {
      this.newestFinished = this.stores.meta.sequence();
      this.stores.finished.append(this.newestFinished, purgeAt, jobs);
    }
  }

  /** After the commit: memory follows the rows. */
  committed(): void {
    for (const { queue, standing, by } of this.#moves) this.stores.counts.of(queue)[standing] += by;
    for (const effect of this.#after) effect();
  }
}
