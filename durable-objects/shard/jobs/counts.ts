import type { RowState } from "../../../domain/job/state.ts";
import type { Sql } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES, queueKey } from "../queues/queue-store.ts";
import type { JobHead } from "./job-row.ts";

/** Where an unfinished job stands. `ready` may be claimed; `blocked` is due and waits for something else. */
export type Standing = "ready" | "blocked" | "scheduled" | "running";
export type Tally = Record<Standing, number>;

/** Null for a job that is over. */
export function standingOf(row: { state: RowState; blocked: number }): Standing | null {
  switch (row.state) {
    case "queued":
      return row.blocked === 0 ? "ready" : "blocked";
    case "scheduled":
    case "running":
      return row.state;
    default:
      return null;
  }
}

/** Jobs of one partition that have come to another standing. Null: they are not, or no longer, unfinished. */
export interface Move {
  queue: number;
  partition: number;
  before: Standing | null;
  after: Standing | null;
  jobs: number;
}

interface QueueCounts {
  all: Tally;
  partitions: Map<number, Tally>;
}

const NONE: Readonly<Tally> = { ready: 0, blocked: 0, scheduled: 0, running: 0 };

/**
 * How many unfinished jobs of each queue and partition stand where: to size bells, to skip queues without work, and to
 * answer for a queue without reading its rows. Counted from the rows when the object starts; after that it follows each
 * step that has committed, and the audit compares it with the rows.
 */
export class Counts {
  readonly #queues = new Map<number, QueueCounts>();
  readonly #ready = new Set<number>();
  readonly #namespaces = new Map<string, number>();
  readonly #namespaceOf: (queue: number) => string;
  #unfinished = 0;

  constructor(sql: Sql, namespaceOf: (queue: number) => string) {
    this.#namespaceOf = namespaceOf;
    for (const { queue, partition, standing, n } of countRows(sql)) {
      this.apply({ queue, partition, before: null, after: standing, jobs: n });
    }
  }

  of(queue: number): Readonly<Tally> {
    return this.#queues.get(queue)?.all ?? NONE;
  }

  /** Every queue that has or had unfinished jobs, since the object started. */
  *queues(): IterableIterator<[queue: number, tally: Readonly<Tally>]> {
    for (const [queue, { all }] of this.#queues) yield [queue, all];
  }

  *partitions(): IterableIterator<{ queue: number; partition: number; tally: Readonly<Tally> }> {
    for (const [queue, { partitions }] of this.#queues) {
      for (const [partition, tally] of partitions) yield { queue, partition, tally };
    }
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
    return this.#unfinished;
  }

  /** Unfinished jobs of a namespace on this shard. */
  unfinishedOf(namespace: string): number {
    return this.#namespaces.get(namespace) ?? 0;
  }

  apply({ queue, partition, before, after, jobs }: Move): void {
    if (before === null) this.#countUnfinished(queue, jobs);
    if (after === null) this.#countUnfinished(queue, -jobs);
    const counts = this.#countsOf(queue);
    const one = counts.partitions.get(partition) ?? { ...NONE };
    counts.partitions.set(partition, one);
    for (const tally of [counts.all, one]) {
      if (before !== null) tally[before] -= jobs;
      if (after !== null) tally[after] += jobs;
    }
    if (counts.all.ready > 0) this.#ready.add(queue);
    else this.#ready.delete(queue);
  }

  /** The queue is gone, and had no unfinished jobs any more. */
  forget(queue: number): void {
    this.#queues.delete(queue);
    this.#ready.delete(queue);
  }

  #countUnfinished(queue: number, jobs: number): void {
    this.#unfinished += jobs;
    const namespace = this.#namespaceOf(queue);
    const left = this.unfinishedOf(namespace) + jobs;
    if (left === 0) this.#namespaces.delete(namespace);
    else this.#namespaces.set(namespace, left);
  }

  #countsOf(queue: number): QueueCounts {
    let counts = this.#queues.get(queue);
    if (counts === undefined) {
      counts = { all: { ...NONE }, partitions: new Map() };
      this.#queues.set(queue, counts);
    }
    return counts;
  }
}

export const COUNTS = new Part("counts", (shard) => {
  const queues = shard.get(QUEUES);
  return new Counts(shard.sql, (queue) => queues.get(queue).settings.namespace);
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
  for (const { queue } of all) {
    // A step mostly moves jobs of one queue; to wake those of another twice changes nothing.
    if (queue === last) continue;
    last = queue;
    if (counts.of(queue).ready > 0) step.wake(queueKey(step.get(QUEUES).get(queue).settings), WOKEN_AT_ONCE);
  }
}

/** Counts jobs that this step moves from one standing to another. */
export function countMove(step: Step, move: Move): void {
  if (move.before !== move.after && move.jobs > 0) movesOf(step).all.push(move);
}

/** Counts one job whose row this step changes. */
export function countChange(
  step: Step,
  { queue, partition }: Pick<JobHead, "queue" | "partition">,
  standing: Pick<Move, "before" | "after">,
): void {
  countMove(step, { queue, partition, before: standing.before, after: standing.after, jobs: 1 });
}

/** Unfinished jobs as this step sees them, of the shard or of one namespace (null: of all). */
export function unfinishedIn(step: Step, namespace: string | null): number {
  const counts = step.get(COUNTS);
  let jobs = namespace === null ? counts.unfinished : counts.unfinishedOf(namespace);
  for (const move of movesOf(step).all) {
    if (namespace !== null && step.get(QUEUES).get(move.queue).settings.namespace !== namespace) continue;
    if (move.before === null) jobs += move.jobs;
    if (move.after === null) jobs -= move.jobs;
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
    const opened = (move.after === "ready" ? move.jobs : 0) - (move.before === "ready" ? move.jobs : 0);
    ready.set(move.partition, (ready.get(move.partition) ?? 0) + opened);
  }
  const partitions: number[] = [];
  for (const [partition, jobs] of ready) if (jobs > 0) partitions.push(partition);
  return partitions.sort((a, b) => a - b);
}

/** Reads unfinished jobs only: finished ones cost nothing here. */
export function countRows(sql: Sql): { queue: number; partition: number; standing: Standing; n: number }[] {
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
