import { utf8Bytes } from "../../../contract/primitives.ts";
import { isPlatformFault } from "../../../domain/fault.ts";
import { findSlot, JOB_ID_LENGTH } from "../../../domain/job-id.ts";
import type { Sql } from "../../sql.ts";
import { ROW_BYTES } from "../jobs/stored-size.ts";
import { Part, type Parts, type StepScope } from "../kernel/part.ts";
import { QUARANTINE, type Rows } from "../kernel/quarantine.ts";
import {
  acceptedAt,
  liveOf,
  nextWaiting,
  type OpenSlice,
  openPlaces,
  type PackHead,
  type PackPlace,
  sliceAt,
  stateAt,
} from "./pack-head.ts";
import { PackIndex } from "./pack-index.ts";
import { type DoneCells, mixedSince, type PackedJob, PackStore, type PackTexts } from "./pack-store.ts";

/** Lists of ids that are kept, beside those of packs which a step has in hand. */
const LISTS_KEPT = 64;

/** Above every job id. */
const NEWEST = "job_{";

/** What a job takes beside its payload and its result: its row, and its empty list of attempts. */
export const PACKED_BYTES = ROW_BYTES + "[]".length;

/** The ids of packs that were asked for last: the jobs of a pack are mostly asked for together. */
class IdLists {
  readonly #lists = new Map<number, readonly string[]>();

  of(head: PackHead, read: () => readonly string[]): readonly string[] {
    const known = this.#lists.get(head.pack);
    // A pack that was extended has more.
    if (known !== undefined && known.length === head.n) return known;
    const ids = read();
    this.keep(head.pack, ids);
    return ids;
  }

  keep(pack: number, ids: readonly string[]): void {
    this.#lists.delete(pack);
    this.#lists.set(pack, ids);
    if (this.#lists.size <= LISTS_KEPT) return;
    for (const oldest of this.#lists.keys()) {
      this.#lists.delete(oldest);
      return;
    }
  }
}

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

/** What a claim writes down of the jobs it starts. Times in epoch ms. */
export interface PackedStart {
  nonce: string;
  worker: string | null;
  begun: number;
  now: number;
  attemptEndsAt: number;
  leaseEndsAt: number;
}

/**
 * The packs of a shard: the rows, and the heads that are kept in memory beside them. What is asked in a step sees what the
 * step has changed; memory follows when it has committed.
 */
export class Packs {
  readonly store: PackStore;
  readonly #sql: Sql;
  readonly #index: PackIndex;
  /** Of packs that this step has not changed. What a step reads of its own may be undone with it. */
  readonly #lists: IdLists;
  readonly #ownLists = new Map<number, readonly string[]>();
  readonly #step: StepScope | null;
  /** What this step has changed. Null: the pack is gone. */
  readonly #changed = new Map<number, PackHead | null>();

  constructor(sql: Sql, { index, lists, step }: { index: PackIndex; lists: IdLists; step: StepScope | null }) {
    this.#sql = sql;
    this.store = new PackStore(sql);
    this.#index = index;
    this.#lists = lists;
    this.#step = step;
  }

  /** Reads the heads of all packs. `unreadable` hears of those that cannot be read, and that nobody knows of then. */
  static load(sql: Sql, unreadable: (pack: number, error: unknown) => void): Packs {
    const index = new PackIndex();
    const packs = new Packs(sql, { index, lists: new IdLists(), step: null });
    for (const { pack, make } of packs.store.all()) {
      try {
        index.set(pack, make());
      } catch (error) {
        unreadable(pack, error);
      }
    }
    return packs;
  }

  /** A pack that could not be read can be by now. Throws where it cannot. */
  learn(pack: number): void {
    for (const { pack: found, make } of this.store.page(pack - 1, 1)) if (found === pack) this.set(pack, make());
  }

  /** The same packs, as a step sees and changes them. */
  inStep(step: StepScope): Packs {
    const view = new Packs(this.#sql, { index: this.#index, lists: this.#lists, step });
    return view;
  }

  /** Whether there is any. */
  get any(): boolean {
    return this.#index.size > 0 || this.#changed.size > 0;
  }

  /** What is kept of the shard as it was before the step. */
  get index(): PackIndex {
    return this.#index;
  }

  get(pack: number): PackHead | null {
    const changed = this.#changed.get(pack);
    return changed === undefined ? this.#index.get(pack) : changed;
  }

  /** Writes another head of a pack down in this step; null: it is gone. The caller writes the rows. */
  set(pack: number, head: PackHead | null): void {
    if (this.#step === null) throw new Error("packs change in a step");
    if (this.#changed.size === 0) this.#step.onCommit(() => this.#commit());
    this.#changed.set(pack, head);
  }

  #commit(): void {
    for (const [pack, head] of this.#changed) this.#index.set(pack, head);
    for (const [pack, ids] of this.#ownLists) this.#lists.keep(pack, ids);
  }

  /** The packs that this step has changed. */
  changed(): Iterable<number> {
    return this.#changed.keys();
  }

  /** Where a job lies; null when no pack has it. */
  find(id: string): PackPlace | null {
    const slot = this.any ? findSlot(id) : null;
    if (slot === null) return null;
    for (const pack of this.#index.ofSlot(slot).having(id)) {
      const place = this.#changed.has(pack) ? null : this.#placeIn(this.#index.get(pack), id);
      if (place !== null) return place;
    }
    for (const head of this.#changed.values()) {
      const place = head !== null && head.minId <= id && id <= head.maxId ? this.#placeIn(head, id) : null;
      if (place !== null) return place;
    }
    return null;
  }

  #placeIn(head: PackHead | null, id: string): PackPlace | null {
    if (head === null) return null;
    const at = this.#idsOrNone(head).indexOf(id);
    return at < 0 || head.gone.has(at) ? null : { head, at };
  }

  /** A pack that cannot be read has no job that anybody would find: ids of other packs may lie between its own. */
  #idsOrNone(head: PackHead): readonly string[] {
    try {
      return this.ids(head);
    } catch (error) {
      if (isPlatformFault(error)) throw error;
      return [];
    }
  }

  /** The ids of a pack's jobs by their places, those that are gone among them. */
  ids(head: PackHead): readonly string[] {
    if (!this.#changed.has(head.pack)) return this.#lists.of(head, () => idsOf(head, this.store.ids(head)));
    const known = this.#ownLists.get(head.pack);
    if (known !== undefined && known.length === head.n) return known;
    const ids = idsOf(head, this.store.ids(head));
    this.#ownLists.set(head.pack, ids);
    return ids;
  }

  texts(head: PackHead): PackTexts {
    const texts = this.store.texts(head);
    idsOf(head, texts.ids);
    if (!this.#changed.has(head.pack)) this.#lists.keep(head.pack, texts.ids);
    return texts;
  }

  /** How many jobs of packs of a partition wait and run. */
  tally(queue: number, partition: number): { ready: number; running: number } {
    const tally = { ...this.#index.tally(queue, partition) };
    for (const [pack, head] of this.#changed) {
      const before = this.#index.get(pack);
      const named = head ?? before;
      if (named === null || named.queue !== queue || named.partition !== partition) continue;
      tally.ready += (head?.waiting ?? 0) - (before?.waiting ?? 0);
      tally.running += (head?.running ?? 0) - (before?.running ?? 0);
    }
    return tally;
  }

  /** The packs of a queue, as they are now. */
  *ofQueue(queue: number): Generator<PackHead, void> {
    for (const { pack } of this.#index.ofQueue(queue).between("", NEWEST, false)) {
      const head = this.get(pack);
      if (head !== null) yield head;
    }
    for (const [pack, head] of this.#changed) {
      if (head?.queue === queue && this.#index.get(pack) === null) yield head;
    }
  }

  /**
   * The packs of a queue whose ids lie in a range (both bounds exclusive), with what is left behind each of them: no pack that
   * comes later has ids above `highest`, on the way down, or below `lowest`, on the way up.
   */
  *rangesOf(queue: number, range: IdRange): Generator<IdBounds, void> {
    const { after, before, newestFirst } = range;
    const own = [...this.#changed.values()].flatMap((head) =>
      head?.queue === queue && this.#index.get(head.pack) === null ? { head, highest: NEWEST, lowest: "" } : [],
    );
    yield* own;
    for (const { pack, minId, reach } of this.#index.ofQueue(queue).between(after, before, newestFirst)) {
      const head = this.get(pack);
      if (head !== null) yield { head, highest: reach, lowest: minId };
    }
  }

  /** The ids of a pack's jobs, but for those that are gone. */
  livingIds(head: PackHead): string[] {
    return this.ids(head).filter((_, at) => !head.gone.has(at));
  }

  /** The jobs of a queue that run. Walks all of its packs: for the start of the object. */
  *runningOf(queue: number): Generator<string, void> {
    for (const head of this.ofQueue(queue)) {
      const ids = head.running === 0 ? [] : this.ids(head);
      for (const slice of head.slices) for (const at of openPlaces(head, slice)) yield ids[at] ?? "";
    }
  }

  /** The claim of a job: while it runs from memory, and afterwards from its row. Null: it has not been claimed. */
  claimOf({ head, at }: PackPlace): { nonce: string; begun: number } | null {
    if (at >= head.next) return null;
    const open = sliceAt(head, at);
    if (open !== null) return open;
    const row = this.store.slices(head.pack).find(({ first, n }) => first <= at && at < first + n);
    return row === undefined ? null : { nonce: row.lease, begun: row.begun };
  }

  /** The partitions of a queue whose packs have jobs that wait. */
  readyPartitions(queue: number): number[] {
    const partitions = new Set<number>();
    for (const [partition] of this.#index.partitionsOf(queue)) partitions.add(partition);
    for (const head of this.#changed.values()) if (head?.queue === queue) partitions.add(head.partition);
    return [...partitions].filter((partition) => this.tally(queue, partition).ready > 0);
  }

  /** Packs of a partition with jobs that wait, each with a rank that none of these is below, in the order of these ranks. */
  *waiting(queue: number, partition: number): Generator<[head: PackHead, rank: number], void> {
    const own: [PackHead, number][] = [];
    for (const [pack, head] of this.#changed) {
      if (head === null || head.queue !== queue || head.partition !== partition || head.waiting === 0) continue;
      if (this.#index.get(pack) === null) own.push([head, acceptedAt(head, nextWaiting(head) ?? 0).rank]);
    }
    own.sort(([, a], [, b]) => a - b);
    for (const [head, rank] of this.#index.waiting(queue, partition)) {
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
    let newest = this.#index.tail(queue, partition, priority);
    for (const [pack, head] of this.#changed) {
      const isOwn = head !== null && head.queue === queue && head.partition === partition && head.priority === priority;
      if (isOwn && (newest === null || pack > newest)) newest = pack;
    }
    const head = newest === null ? null : this.get(newest);
    return head === null || head.next > 0 || head.gone.size > 0 ? null : head;
  }

  /** Accepts jobs in a new pack, or at the end of one. */
  accept(head: PackHead, jobs: readonly PackedJob[]): void {
    const before = this.get(head.pack);
    const known = before === null ? [] : this.ids(before);
    if (before === null) this.store.insert(head, jobs);
    else this.store.extend(head, jobs);
    this.set(head.pack, head);
    this.#ownLists.set(head.pack, [...known, ...jobs.map(({ id }) => id)]);
  }

  /** Starts the next `n` jobs of a pack that wait, from the place `first` on. */
  start(head: PackHead, { first, n }: { first: number; n: number }, as: PackedStart): void {
    const { pack, slot, gone } = head;
    let started = 0;
    for (let at = first; at < first + n; at++) if (!gone.has(at)) started += 1;
    this.store.insertSlice({
      pack,
      first,
      slot,
      n,
      open: started,
      begun: as.begun,
      attempt_at: as.now,
      attempt_ends_at: as.attemptEndsAt,
      lease_ends_at: as.leaseEndsAt,
      lease: as.nonce,
      worker: as.worker,
    });
    const slice: OpenSlice = {
      first,
      n,
      nonce: as.nonce,
      begun: as.begun,
      dueAt: Math.min(as.attemptEndsAt, as.leaseEndsAt),
      done: new Set(),
      bytes: 0,
    };
    const next: PackHead = {
      ...head,
      next: first + n,
      slices: [...head.slices, slice],
      waiting: head.waiting - started,
      running: head.running + started,
    };
    this.set(pack, { ...next, mixedSince: mixedSince(next, as.now) });
  }

  /** Records successes of one slice under the fence of its lease. False when that is another, or has ended. */
  succeed(head: PackHead, slice: OpenSlice, { done, now }: { done: DoneCells[]; now: number }): boolean {
    const bytes = done.reduce((sum, [, , result]) => sum + (result === null ? 0 : utf8Bytes(result)), 0);
    if (!this.store.addDone(head.pack, slice, { done, bytes, now })) return false;
    const places = new Set([...slice.done, ...done.map(([at]) => at)]);
    const after = { ...slice, done: places, bytes: slice.bytes + bytes };
    const next: PackHead = {
      ...head,
      slices: replaced(head, after),
      running: head.running - done.length,
      done: head.done + done.length,
      lastDoneAt: now,
    };
    this.set(head.pack, { ...next, mixedSince: mixedSince(next, now) });
    return true;
  }

  /** Moves the ends of all leases of a slice. */
  extend(head: PackHead, slice: OpenSlice, to: { endsAt: number; dueAt: number; begun: number }): void {
    this.store.extendSlice(head.pack, slice.first, to);
    this.set(head.pack, { ...head, slices: replaced(head, { ...slice, dueAt: to.dueAt, begun: to.begun }) });
  }

  /** A job has become a row: its pack has it no more. `bytes` is what it took, but for the result; that is `result`. */
  leave({ head, at }: PackPlace, { bytes, result, now }: { bytes: number; result: number; now: number }): void {
    const state = stateAt(head, at);
    const gone = new Set([...head.gone, at]);
    const next: PackHead = {
      ...head,
      bytes: head.bytes - bytes,
      gone,
      waiting: head.waiting - (state === "queued" ? 1 : 0),
      running: head.running - (state === "running" ? 1 : 0),
      done: head.done - (state === "succeeded" ? 1 : 0),
    };
    const left = {
      ...next,
      slices: next.slices.filter((slice) => hasOpen(next, slice)),
      mixedSince: mixedSince(next, now),
    };
    this.store.saveGone(left);
    const open = state === "running" ? 1 : 0;
    if (open + result > 0) {
      const first = this.store.sliceOf(head.pack, at);
      if (first !== null) this.store.leaveSlice(head.pack, first, { open, bytes: result });
    }
    this.set(head.pack, left);
  }

  /** Removes a pack, and answers what its jobs took. */
  remove(head: PackHead): number {
    const bytes = this.store.remove(head);
    this.set(head.pack, null);
    return bytes;
  }
}

/** Throws where these are not the ids of as many jobs as the pack has. */
function idsOf({ pack, n }: PackHead, ids: readonly string[]): readonly string[] {
  if (ids.length !== n || ids.some(({ length }) => length !== JOB_ID_LENGTH)) {
    throw new Error(`pack ${pack} has ${n} jobs and other ids`);
  }
  return ids;
}

function replaced({ slices, gone }: PackHead, slice: OpenSlice): OpenSlice[] {
  return slices.flatMap((other) => {
    if (other.first !== slice.first) return other;
    return hasOpen({ gone }, slice) ? slice : [];
  });
}

function hasOpen({ gone }: Pick<PackHead, "gone">, slice: OpenSlice): boolean {
  for (const _ of openPlaces({ gone }, slice)) return true;
  return false;
}

export function isOver(head: PackHead): boolean {
  return liveOf(head) === 0;
}

/** Packs as rows that are walked over. */
export const EACH_PACK = { kind: "packs", keyOf: ({ pack }) => String(pack) } as const satisfies Rows<{ pack: number }>;

export const PACKS = new Part(
  "packs",
  (shard) =>
    Packs.load(shard.sql, (pack, error) => {
      if (isPlatformFault(error)) throw error;
      shard.get(QUARANTINE).setAside({ kind: EACH_PACK.kind, key: EACH_PACK.keyOf({ pack }) }, error, shard.startedAt);
    }),
  (base: Packs, step: StepScope & Parts) => base.inStep(step),
);
