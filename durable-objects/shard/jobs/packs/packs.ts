import { utf8Bytes } from "../../../../contract/primitives.ts";
import { isPlatformFault } from "../../../../domain/fault.ts";
import { findSlot } from "../../../../domain/job-id.ts";
import type { Sql } from "../../../sql.ts";
import { Part, type Parts, type StepScope } from "../../kernel/part.ts";
import { QUARANTINE, type Rows } from "../../kernel/quarantine.ts";
import { ROW_BYTES } from "../stored-size.ts";
import {
  NO_PLACES,
  NO_SLICES,
  type OpenSlice,
  openPlaces,
  type PackHead,
  type PackPlace,
  sliceAt,
  stateAt,
} from "./pack-head.ts";
import { PackHeads } from "./pack-heads.ts";
import { PackIndex } from "./pack-index.ts";
import { type DoneCells, mixedSince, type PackedJob, PackStore, type PackTexts } from "./pack-store.ts";

/** Lists of ids that are kept, beside those of packs which a step has in hand. */
const LISTS_KEPT = 64;

/** What a job takes beside its payload and its result: its row, and its empty list of attempts. */
export const PACKED_BYTES = ROW_BYTES + "[]".length;

/** The ids of packs that were asked for last: the jobs of a pack are mostly asked for together. */
class IdLists {
  readonly #lists = new Map<number, readonly string[]>();

  /** Whether those of a pack are kept. One that was extended has more. */
  has({ pack, n }: PackHead): boolean {
    return this.#lists.get(pack)?.length === n;
  }

  of(head: PackHead, read: () => readonly string[]): readonly string[] {
    const known = this.#lists.get(head.pack);
    if (known !== undefined && this.has(head)) return known;
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
  readonly heads: PackHeads;
  readonly store: PackStore;
  readonly #sql: Sql;
  /** Of packs that this step has not changed. What a step reads of its own may be undone with it. */
  readonly #lists: IdLists;
  readonly #ownLists = new Map<number, readonly string[]>();

  constructor(sql: Sql, { index, lists, step }: { index: PackIndex; lists: IdLists; step: StepScope | null }) {
    this.#sql = sql;
    this.heads = new PackHeads(index, step);
    this.store = new PackStore(sql);
    this.#lists = lists;
    // What was read of packs that it has changed is true of them when it has committed.
    step?.onCommit(() => {
      for (const [pack, ids] of this.#ownLists) this.#lists.keep(pack, ids);
    });
  }

  /** Reads the heads of all packs. `unreadable` hears of those that cannot be read, and that nobody knows of then. */
  static load(sql: Sql, unreadable: (pack: number, error: unknown) => void): Packs {
    const index = new PackIndex();
    const packs = new Packs(sql, { index, lists: new IdLists(), step: null });
    /** By queue, the spec of the pack before: mostly all have the same, which is to be in memory once. */
    const specs = new Map<number, string>();
    for (const { pack, make } of packs.store.all()) {
      try {
        const head = make();
        const { queue } = head;
        const spec = specs.get(queue) === head.spec ? (specs.get(queue) ?? null) : head.spec;
        if (spec !== null) specs.set(queue, spec);
        index.set(pack, { ...head, spec });
      } catch (error) {
        unreadable(pack, error);
      }
    }
    return packs;
  }

  /** Whether there is any. */
  get any(): boolean {
    return this.heads.any;
  }

  /** What is kept of the shard as it was before the step. */
  get index(): PackIndex {
    return this.heads.index;
  }

  get(pack: number): PackHead | null {
    return this.heads.get(pack);
  }

  /** A pack that could not be read can be by now. Throws where it cannot. */
  learn(pack: number): void {
    for (const { pack: found, make } of this.store.page(pack - 1, 1)) if (found === pack) this.heads.set(pack, make());
  }

  /** The same packs, as a step sees and changes them. */
  inStep(step: StepScope): Packs {
    const view = new Packs(this.#sql, { index: this.heads.index, lists: this.#lists, step });
    return view;
  }

  /** Where a job lies; null when no pack has it. */
  find(id: string): PackPlace | null {
    const slot = this.any ? findSlot(id) : null;
    if (slot === null) return null;
    for (const pack of this.heads.index.ofSlot(slot).having(id)) {
      const place = this.heads.hasChanged(pack) ? null : this.#placeIn(this.heads.index.get(pack), id);
      if (place !== null) return place;
    }
    for (const head of this.heads.made()) {
      const place = head.minId <= id && id <= head.maxId ? this.#placeIn(head, id) : null;
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
    if (!this.heads.hasChanged(head.pack)) return this.#lists.of(head, () => newIdsOf(head, this.store.ids(head)));
    const known = this.#ownLists.get(head.pack);
    if (known !== undefined && known.length === head.n) return known;
    const ids = newIdsOf(head, this.store.ids(head));
    this.#ownLists.set(head.pack, ids);
    return ids;
  }

  texts(head: PackHead): PackTexts {
    const texts = this.store.texts(head);
    if (this.#hasIds(head)) idsOf(head, texts.ids);
    else newIdsOf(head, texts.ids);
    if (!this.heads.hasChanged(head.pack)) this.#lists.keep(head.pack, texts.ids);
    return texts;
  }

  /** Throws where a pack cannot be read. What was read of it once is not read again for that. */
  look(head: PackHead): PackHead {
    if (!this.#hasIds(head)) this.texts(head);
    return head;
  }

  #hasIds(head: PackHead): boolean {
    return this.heads.hasChanged(head.pack) ? this.#ownLists.has(head.pack) : this.#lists.has(head);
  }

  /** The ids of a pack's jobs, but for those that are gone. */
  livingIds(head: PackHead): string[] {
    return this.ids(head).filter((_, at) => !head.gone.has(at));
  }

  /** The jobs of a queue that run. Walks all of its packs: for the start of the object. */
  *runningOf(queue: number): Generator<string, void> {
    for (const head of this.heads.ofQueue(queue)) {
      const ids = head.running === 0 ? [] : this.ids(head);
      for (const slice of head.slices) for (const at of openPlaces(head, slice)) yield ids[at] ?? "";
    }
  }

  /** The claim of a job: while it runs from memory, and afterwards from its row. Null: it has not been claimed. */
  claimOf({ head, at }: PackPlace): { nonce: string; begun: number } | null {
    if (at >= head.next) return null;
    const open = sliceAt(head, at);
    if (open !== null) return open;
    return this.store.claimAt(head.pack, at);
  }

  /** Accepts jobs in a new pack, or at the end of one. */
  accept(head: PackHead, jobs: readonly PackedJob[]): void {
    const before = this.get(head.pack);
    const known = before === null ? [] : this.ids(before);
    if (before === null) this.store.insert(head, jobs);
    else this.store.extend(head, jobs);
    this.heads.set(head.pack, head);
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
      done: NO_PLACES,
      bytes: 0,
    };
    const next: PackHead = {
      ...head,
      next: first + n,
      slices: [...head.slices, slice],
      waiting: head.waiting - started,
      running: head.running + started,
    };
    this.heads.set(pack, { ...next, mixedSince: mixedSince(next, as.now) });
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
    this.heads.set(head.pack, { ...next, mixedSince: mixedSince(next, now) });
    return true;
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
      slices: orNone(next.slices.filter((slice) => hasOpen(next, slice))),
      mixedSince: mixedSince(next, now),
    };
    this.store.saveGone(left);
    const open = state === "running" ? 1 : 0;
    if (open + result > 0) {
      const first = this.store.sliceOf(head.pack, at);
      if (first !== null) this.store.leaveSlice(head.pack, first, { open, bytes: result });
    }
    this.heads.set(head.pack, left);
  }

  /** Removes a pack, and answers what its jobs took. */
  remove(head: PackHead): number {
    const bytes = this.store.remove(head);
    this.heads.set(head.pack, null);
    return bytes;
  }
}

/** Throws where these are not the ids of as many jobs as the pack has. */
function idsOf(head: PackHead, ids: readonly string[]): readonly string[] {
  const { pack, n, minId, maxId } = head;
  if (ids.length !== n || ids.some((id) => id < minId || id > maxId))
    throw new Error(`pack ${pack} has ${n} jobs and other ids`);
  return ids;
}

/**
 * The same of ids that were not read before. Each is one by which its own job is found: another could start, but never be reported, nor
 * end, and of two that are the same neither would start, nor what stands behind them.
 */
function newIdsOf(head: PackHead, ids: readonly string[]): readonly string[] {
  idsOf(head, ids);
  if (new Set(ids).size < ids.length || ids.some((id) => findSlot(id) !== head.slot))
    throw new Error(`pack ${head.pack} has ids of no jobs of its own`);
  return ids;
}

/** The slices of a pack in which a job runs, with this one in place of its earlier self. */
function replaced({ slices, gone }: PackHead, slice: OpenSlice): readonly OpenSlice[] {
  return orNone(
    slices.flatMap((other) => {
      if (other.first !== slice.first) return other;
      return hasOpen({ gone }, slice) ? slice : [];
    }),
  );
}

function orNone(slices: readonly OpenSlice[]): readonly OpenSlice[] {
  return slices.length === 0 ? NO_SLICES : slices;
}

function hasOpen({ gone }: Pick<PackHead, "gone">, slice: OpenSlice): boolean {
  for (const _ of openPlaces({ gone }, slice)) return true;
  return false;
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
