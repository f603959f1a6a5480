import type { StepScope } from "../../kernel/part.ts";
import { acceptedAt, nextWaiting, type PackHead } from "./pack-head.ts";
import type { PackIndex } from "./pack-index.ts";

/** Ids between two others, both exclusive, and the way in which they are walked. */
export interface IdRange {
  after: string;
  before: string;
  newestFirst: boolean;
}

/** A pack on a walk over ids. */
export interface IdBounds {
  head: PackHead;
  highest: string;
  lowest: string;
}

/** Above every job id. */
const NEWEST = "job_{";

/**
 * The heads of packs, as a step sees and changes them: those of the shard, and over them what the step has changed. Memory
 * follows when it has committed.
 */
export class PackHeads {
  /** As the shard was before the step. */
  readonly index: PackIndex;
  readonly #step: StepScope | null;
  /** What this step has changed. Null: the pack is gone. */
  readonly #changed = new Map<number, PackHead | null>();

  /** `step`: null where nothing is to be changed. */
  constructor(index: PackIndex, step: StepScope | null) {
    this.index = index;
    this.#step = step;
  }

  /** Whether there is any. */
  get any(): boolean {
    return this.index.size > 0 || this.#changed.size > 0;
  }

  get(pack: number): PackHead | null {
    const changed = this.#changed.get(pack);
    return changed === undefined ? this.index.get(pack) : changed;
  }

  /** Writes another head of a pack down in this step; null: it is gone. The caller writes the rows. */
  set(pack: number, head: PackHead | null): void {
    if (this.#step === null) throw new Error("packs change in a step");
    if (this.#changed.size === 0) this.#step.onCommit(() => this.#commit());
    this.#changed.set(pack, head);
  }

  #commit(): void {
    for (const [pack, head] of this.#changed) this.index.set(pack, head);
  }

  /** Whether this step has changed a pack. */
  hasChanged(pack: number): boolean {
    return this.#changed.has(pack);
  }

  /** The heads that this step has made. */
  *made(): Generator<PackHead, void> {
    for (const head of this.#changed.values()) if (head !== null) yield head;
  }

  /** The packs that this step has changed. */
  changed(): Iterable<number> {
    return this.#changed.keys();
  }

  /** How many jobs of packs of a partition wait and run. */
  tally(queue: number, partition: number): { ready: number; running: number } {
    const tally = { ...this.index.tally(queue, partition) };
    for (const [pack, head] of this.#changed) {
      const before = this.index.get(pack);
      const named = head ?? before;
      if (named === null || named.queue !== queue || named.partition !== partition) continue;
      tally.ready += (head?.waiting ?? 0) - (before?.waiting ?? 0);
      tally.running += (head?.running ?? 0) - (before?.running ?? 0);
    }
    return tally;
  }

  /** The packs of a queue, as they are now. */
  *ofQueue(queue: number): Generator<PackHead, void> {
    for (const { pack } of this.index.ofQueue(queue).between("", NEWEST, false)) {
      const head = this.get(pack);
      if (head !== null) yield head;
    }
    for (const [pack, head] of this.#changed) {
      if (head?.queue === queue && this.index.get(pack) === null) yield head;
    }
  }

  /**
   * The packs of a queue whose ids lie in a range (both bounds exclusive), with what is left behind each of them: no pack that
   * comes later has ids above `highest`, on the way down, or below `lowest`, on the way up.
   */
  *rangesOf(queue: number, range: IdRange): Generator<IdBounds, void> {
    const { after, before, newestFirst } = range;
    const own = [...this.#changed.values()].flatMap((head) =>
      head?.queue === queue && this.index.get(head.pack) === null ? { head, highest: NEWEST, lowest: "" } : [],
    );
    yield* own;
    for (const { pack, minId, reach } of this.index.ofQueue(queue).between(after, before, newestFirst)) {
      const head = this.get(pack);
      if (head !== null) yield { head, highest: reach, lowest: minId };
    }
  }

  /** The partitions of a queue whose packs have jobs that wait. */
  readyPartitions(queue: number): number[] {
    const partitions = new Set<number>();
    for (const [partition] of this.index.partitionsOf(queue)) partitions.add(partition);
    for (const head of this.#changed.values()) if (head?.queue === queue) partitions.add(head.partition);
    return [...partitions].filter((partition) => this.tally(queue, partition).ready > 0);
  }

  /** Packs of a partition with jobs that wait, each with a rank that none of these is below, in the order of these ranks. */
  *waiting(queue: number, partition: number): Generator<[head: PackHead, rank: number], void> {
    const own: [PackHead, number][] = [];
    for (const [pack, head] of this.#changed) {
      if (head === null || head.queue !== queue || head.partition !== partition || head.waiting === 0) continue;
      if (this.index.get(pack) === null) own.push([head, acceptedAt(head, nextWaiting(head) ?? 0).rank]);
    }
    own.sort(([, a], [, b]) => a - b);
    for (const [head, rank] of this.index.waiting(queue, partition)) {
      for (let first = own[0]; first !== undefined && first[1] < rank; first = own[0]) {
        own.shift();
        yield first;
      }
      const now = this.get(head.pack);
      if (now !== null && now.waiting > 0) yield [now, rank];
    }
    yield* own;
  }

  /** How many jobs of a partition's packs wait that have a lower rank, `limit` at most. */
  ahead(queue: number, { partition, rank, limit }: { partition: number; rank: number; limit: number }): number {
    let ahead = 0;
    for (const [head, lowest] of this.waiting(queue, partition)) {
      if (lowest >= rank || ahead >= limit) break;
      const last = acceptedAt(head, head.n - 1).rank;
      if (last < rank) ahead += head.waiting;
      else
        for (let at = head.next; at < head.n; at++)
          if (!head.gone.has(at) && acceptedAt(head, at).rank < rank) ahead += 1;
    }
    return Math.min(ahead, limit);
  }

  /** When the oldest job was accepted that waits in the packs of a partition that go first, epoch ms; null when none waits. */
  oldestWaitingAt(queue: number, partition: number, limit: number): number | null {
    let oldest: number | null = null;
    let seen = 0;
    for (const [head] of this.waiting(queue, partition)) {
      const { createdAt } = acceptedAt(head, nextWaiting(head) ?? 0);
      if (oldest === null || createdAt < oldest) oldest = createdAt;
      seen += head.waiting;
      if (seen >= limit) break;
    }
    return oldest;
  }

  /** The newest pack of a partition and priority, if none of its jobs has been claimed or is gone: it may take more. */
  tail({ queue, partition, priority }: Pick<PackHead, "queue" | "partition" | "priority">): PackHead | null {
    let newest = this.index.tail(queue, partition, priority);
    for (const [pack, head] of this.#changed) {
      const isOwn = head !== null && head.queue === queue && head.partition === partition && head.priority === priority;
      if (isOwn && (newest === null || pack > newest)) newest = pack;
    }
    const head = newest === null ? null : this.get(newest);
    return head === null || head.next > 0 || head.gone.size > 0 ? null : head;
  }
}
