import type { RowState } from "../../../domain/job/state.ts";
import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES, wakeForQueue } from "../queues/queue-store.ts";
import type { JobHead } from "./job-row.ts";
import type { PackIndex } from "./packs/pack-index.ts";
import { PACKS } from "./packs/packs.ts";

/** Where an unfinished job stands. `ready` may be claimed; `blocked` is due and waits for something else. */
export type Standing = "ready" | "blocked" | "scheduled" | "running";
export type Tally = Record<Standing, number>;

/** How a job ended that somebody may bring back. */
export type DeadState = "failed" | "cancelled";
export type DeadTally = Record<DeadState, number>;

/** What a job counts as. */
export type Place = Standing | DeadState;

function isUnfinished(place: Place | null): boolean {
  return place !== null && place !== "failed" && place !== "cancelled";
}

/** Null for a job that counts as nothing: it has succeeded, or was discarded. */
export function standingOf(row: { state: RowState; blocked: number }): Place | null {
  switch (row.state) {
    case "queued":
      return row.blocked === 0 ? "ready" : "blocked";
    case "succeeded":
    case "discarded":
      return null;
    default:
      return row.state;
  }
}

/** A job of a partition that counts as something else from now on. Null: as nothing. */
export interface Move {
  id: string;
  queue: number;
  partition: number;
  before: Place | null;
  after: Place | null;
  /** How many jobs these are; one where it is left out. `id` is then one of them. */
  n?: number;
  /** They lie in packs, and have no rows of their own. */
  packed?: true;
}

interface QueueCounts {
  all: Tally;
  dead: DeadTally;
  partitions: Map<number, Tally>;
}

const NONE: Readonly<Tally> = { ready: 0, blocked: 0, scheduled: 0, running: 0 };
const NO_DEAD: Readonly<DeadTally> = { failed: 0, cancelled: 0 };

/**
 * How many unfinished jobs of each queue and partition stand where, and how many jobs of a queue have failed or were
 * cancelled: to size bells, to skip queues without work, and to answer for a queue or the shard without reading rows. Counted
 * from the rows when the object starts; after that it follows each step that has committed, and the audit compares it with
 * the rows.
 */
export class Counts {
  readonly #queues = new Map<number, QueueCounts>();
  readonly #ready = new Set<number>();
  readonly #namespaces = new Map<string, number>();
  readonly #namespaceOf: (queue: number) => string | null;
  readonly #all: Tally = { ...NONE };
  readonly #dead: DeadTally = { ...NO_DEAD };
  readonly #followers = new Set<(move: Move) => void>();

  /** `namespaceOf` answers null for a queue that the shard does not know. */
  constructor(namespaceOf: (queue: number) => string | null) {
    this.#namespaceOf = namespaceOf;
  }

  /** Counts the rows. */
  static load(sql: Sql, packs: PackIndex, namespaceOf: (queue: number) => string | null): Counts {
    const counts = new Counts(namespaceOf);
    counts.addPacks(packs);
    for (const { queue, partition, standing, n } of countRows(sql)) counts.#add({ queue, partition }, standing, n);
    for (const { queue, state, n } of countDead(sql)) counts.#addDead(queue, state, n);
    return counts;
  }

  /** Adds the jobs of packs. */
  addPacks(packs: PackIndex): void {
    for (const queue of packs.queues()) {
      for (const [partition, { tally }] of packs.partitionsOf(queue)) {
        if (tally.ready > 0) this.#add({ queue, partition }, "ready", tally.ready);
        if (tally.running > 0) this.#add({ queue, partition }, "running", tally.running);
      }
    }
  }

  of(queue: number): Readonly<Tally> {
    return this.#queues.get(queue)?.all ?? NONE;
  }

  deadOf(queue: number): Readonly<DeadTally> {
    return this.#queues.get(queue)?.dead ?? NO_DEAD;
  }

  /** Of all queues together. */
  get all(): Readonly<Tally> {
    return this.#all;
  }

  get dead(): Readonly<DeadTally> {
    return this.#dead;
  }

  /** Every queue that has or had jobs that count, since the object started. */
  queues(): Iterable<number> {
    return this.#queues.keys();
  }

  /** How many jobs of each partition of a queue stand where; partitions that have none any more are among them. */
  partitionsOf(queue: number): Iterable<[partition: number, tally: Readonly<Tally>]> {
    return this.#queues.get(queue)?.partitions ?? [];
  }

  /** Queues of which some job may be claimed, as far as only its own row is asked. */
  withReady(): Iterable<number> {
    return this.#ready;
  }

  /** Unfinished jobs of the shard. */
  get unfinished(): number {
    const { ready, blocked, scheduled, running } = this.#all;
    return ready + blocked + scheduled + running;
  }

  /** Unfinished jobs of a namespace on this shard. */
  unfinishedOf(namespace: string): number {
    return this.#namespaces.get(namespace) ?? 0;
  }

  /** `follower` is told of every move from now on, until `leave`. */
  follow(follower: (move: Move) => void): void {
    this.#followers.add(follower);
  }

  leave(follower: (move: Move) => void): void {
    this.#followers.delete(follower);
  }

  apply(move: Move): void {
    const { before, after, n = 1 } = move;
    if (before !== null) this.#change(move, before, -n);
    if (after !== null) this.#change(move, after, n);
    for (const follower of this.#followers) follower(move);
  }

  #change(move: Move, place: Place, n: number): void {
    if (place === "failed" || place === "cancelled") this.#addDead(move.queue, place, n);
    else this.#add(move, place, n);
  }

  #add({ queue, partition }: Pick<Move, "queue" | "partition">, standing: Standing, n: number): void {
    const namespace = this.#namespaceOf(queue);
    // Of a queue that is not known nothing can start. The audit says so of its rows; they stop nobody else.
    if (namespace === null) return;
    this.#countUnfinished(namespace, n);
    const counts = this.#countsOf(queue);
    const one = counts.partitions.get(partition) ?? { ...NONE };
    counts.partitions.set(partition, one);
    for (const tally of [this.#all, counts.all, one]) tally[standing] += n;
    if (counts.all.ready > 0) this.#ready.add(queue);
    else this.#ready.delete(queue);
  }

  /** The queue is gone, and had no jobs any more that count. */
  forget(queue: number): void {
    this.#queues.delete(queue);
    this.#ready.delete(queue);
  }

  #countUnfinished(namespace: string, jobs: number): void {
    const left = this.unfinishedOf(namespace) + jobs;
    if (left === 0) this.#namespaces.delete(namespace);
    else this.#namespaces.set(namespace, left);
  }

  #addDead(queue: number, state: DeadState, n: number): void {
    this.#dead[state] += n;
    this.#countsOf(queue).dead[state] += n;
  }

  #countsOf(queue: number): QueueCounts {
    let counts = this.#queues.get(queue);
    if (counts === undefined) {
      counts = { all: { ...NONE }, dead: { ...NO_DEAD }, partitions: new Map() };
      this.#queues.set(queue, counts);
    }
    return counts;
  }
}

export const COUNTS = new Part("counts", (shard) => {
  const queues = shard.get(QUEUES);
  return Counts.load(shard.sql, shard.get(PACKS).index, (queue) => queues.settingsOf(queue)?.namespace ?? null);
});

/** What this step has moved so far; the counts follow when it has committed. */
class Moves {
  readonly all: Move[] = [];
}

const MOVES = {};

function movesOf(step: Step): Moves {
  return step.scratch(MOVES, () => {
    const moves = new Moves();
    const counts = step.get(COUNTS);
    step.onCommit(() => {
      for (const move of moves.all) counts.apply(move);
      wakeForWork(step, moves);
    });
    return moves;
  });
}

/**
 * Those who wait for work are woken some at a time, the newest first: the older a wait, the likelier it is that its
 * caller has found work on another shard meanwhile and is gone.
 */
const WOKEN_AT_ONCE = 32;

/** Jobs of these queues have become ready, or others have made room for them. */
function wakeForWork(step: Step, { all }: Moves): void {
  const counts = step.get(COUNTS);
  let last: number | null = null;
  for (const { queue, before, after } of all) {
    // What was over before changes nothing for those who wait for work.
    if (after === null && (before === "failed" || before === "cancelled")) continue;
    // A step mostly moves jobs of one queue; to wake those of another twice changes nothing.
    if (queue === last) continue;
    last = queue;
    if (counts.of(queue).ready > 0) wakeForQueue(step, step.get(QUEUES).get(queue).settings, WOKEN_AT_ONCE);
  }
}

/** Counts a job that this step moves from one place to another. */
export function countMove(step: Step, move: Move): void {
  if (move.before !== move.after) movesOf(step).all.push(move);
}

/** Counts a job whose row this step changes. */
export function countChange(
  step: Step,
  { id, queue, partition }: Pick<JobHead, "id" | "queue" | "partition">,
  { before, after }: Pick<Move, "before" | "after">,
): void {
  countMove(step, { id, queue, partition, before, after });
}

/** Unfinished jobs as this step sees them, of the shard or of one namespace (null: of all). */
export function unfinishedIn(step: Step, namespace: string | null): number {
  const counts = step.get(COUNTS);
  let jobs = namespace === null ? counts.unfinished : counts.unfinishedOf(namespace);
  for (const move of movesOf(step).all) {
    if (namespace !== null && step.get(QUEUES).get(move.queue).settings.namespace !== namespace) continue;
    const { before, after, n = 1 } = move;
    if (isUnfinished(after)) jobs += n;
    if (isUnfinished(before)) jobs -= n;
  }
  return jobs;
}

/** Queues that may have ready jobs as this step sees them, by their refs in ascending order: those that it has opened too. */
export function queuesWithReady(step: Step): number[] {
  const refs = new Set(step.get(COUNTS).withReady());
  for (const { queue, after } of movesOf(step).all) if (after === "ready") refs.add(queue);
  return [...refs].sort((a, b) => a - b);
}

/** Partitions of a queue that have ready jobs as this step sees them, the lowest first: what it has opened or started itself counts too. */
export function readyPartitions(step: Step, queue: number): number[] {
  const ready = new Map<number, number>();
  for (const [partition, tally] of step.get(COUNTS).partitionsOf(queue)) ready.set(partition, tally.ready);
  for (const move of movesOf(step).all) {
    if (move.queue !== queue) continue;
    const opened = (move.after === "ready" ? 1 : 0) - (move.before === "ready" ? 1 : 0);
    ready.set(move.partition, (ready.get(move.partition) ?? 0) + opened * (move.n ?? 1));
  }
  const partitions: number[] = [];
  for (const [partition, jobs] of ready) if (jobs > 0) partitions.push(partition);
  return partitions.sort((a, b) => a - b);
}

/** Reads unfinished jobs only: finished ones cost nothing here. */
function countRows(sql: Sql): { queue: number; partition: number; standing: Standing; n: number }[] {
  return sql.all(`
    SELECT queue, partition, 'ready' AS standing, count(*) AS n FROM jobs INDEXED BY jobs_ready
      WHERE state = 'queued' AND blocked = 0 GROUP BY queue, partition
    UNION ALL
    SELECT queue, partition, 'blocked', sum(n) FROM (
      SELECT queue, partition, count(*) AS n FROM jobs INDEXED BY jobs_key
        WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') AND state = 'queued' AND blocked = 1
        GROUP BY queue, partition
      UNION ALL
      SELECT queue, partition, count(*) FROM jobs INDEXED BY jobs_blocked WHERE state = 'queued' AND blocked > 1
        GROUP BY queue, partition)
      GROUP BY queue, partition
    UNION ALL
    SELECT queue, partition, state, count(*) FROM jobs INDEXED BY jobs_due
      WHERE due_at IS NOT NULL AND state IN ('scheduled', 'running') GROUP BY queue, partition, state`);
}

/** Reads the indexes of failed and of dead jobs alone. */
function countDead(sql: Sql): { queue: number; state: DeadState; n: number }[] {
  const failed = new Map<number, number>();
  type Row = { queue: number; n: number };
  for (const { queue, n } of sql.all<Row>(
    "SELECT queue, count(*) AS n FROM jobs INDEXED BY jobs_failed WHERE state = 'failed' GROUP BY queue",
  )) {
    failed.set(queue, n);
  }
  const dead = sql.all<Row>(
    "SELECT queue, count(*) AS n FROM jobs INDEXED BY jobs_dead WHERE state IN ('failed', 'cancelled') GROUP BY queue",
  );
  return dead.flatMap(({ queue, n }) => [
    { queue, state: "failed" as const, n: failed.get(queue) ?? 0 },
    { queue, state: "cancelled" as const, n: n - (failed.get(queue) ?? 0) },
  ]);
}
