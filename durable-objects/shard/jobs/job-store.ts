import { utf8Bytes } from "../../../contract/primitives.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { QUARANTINE, type Rows, readable } from "../kernel/quarantine.ts";
import { QUEUES } from "../queues/queue-store.ts";
import type { JobHead, JobRow } from "./job-row.ts";
import { acceptedAt, openPlaces, type PackHead, type PackPlace, stateAt } from "./packs/pack-head.ts";
import { PackRows } from "./packs/pack-rows.ts";
import { MOST_JOBS } from "./packs/packing.ts";
import { EACH_PACK, PACKS, type Packs } from "./packs/packs.ts";
import { dueTimes, type GoneRow, JOB_TABLE, type RowStore, readyAmong, type Tombstone } from "./row-store.ts";

/** Jobs as rows that are walked over, by whatever walk. */
export const EACH_JOB = { kind: "jobs", keyOf: ({ id }) => id } as const satisfies Rows<{ id: string }>;

/** A partition of a queue, at a moment (epoch ms). */
export interface ReadyIn {
  queue: number;
  partition: number;
  now: number;
}

/** A job that may be claimed. */
export interface ReadyJob {
  id: string;
  rank: number;
  /** Left out: it has a row of its own. */
  place?: PackPlace;
}

/**
 * The jobs of a shard, wherever they lie: in a row of their own, or with others in a pack. Whoever reads need not know which.
 * Whoever writes goes through `transition.ts`, which gives a packed job its row first.
 */
export class JobStore {
  readonly #parts: Parts;
  readonly #rows: RowStore;
  readonly #packs: Packs;
  readonly #remembers: boolean;
  /** The rows of the pack that was asked for last: many calls ask for one job of it after the other. When it changes it has another head. */
  #last: { head: PackHead; rows: PackRows } | null = null;

  /** `remembers`: what was read of a pack is kept for what is asked next. For a step alone: what lives on reads anew. */
  constructor(parts: Parts, { remembers }: { remembers: boolean }) {
    this.#parts = parts;
    this.#remembers = remembers;
    this.#rows = parts.get(JOB_TABLE);
    this.#packs = parts.get(PACKS);
  }

  row(id: string): JobRow | null {
    return this.#packed(id) ?? this.#rows.row(id);
  }

  head(id: string): JobHead | null {
    return this.#packed(id) ?? this.#rows.head(id);
  }

  /** The rows of these jobs, discarded ones included: history has to be told of those too. */
  rows(ids: readonly string[]): JobRow<RowState>[] {
    const { packed, others } = this.#split(ids);
    const rows: JobRow<RowState>[] = others.length === 0 ? [] : this.#rows.rows(others);
    return packed.length === 0 ? rows : [...rows, ...this.#rowsAt(packed)];
  }

  /** These jobs without their long columns, discarded ones too, in any order. */
  heads(ids: readonly string[]): JobHead<RowState>[] {
    const { packed, others } = this.#split(ids);
    const heads: JobHead<RowState>[] = others.length === 0 ? [] : this.#rows.heads(others);
    return packed.length === 0 ? heads : [...heads, ...this.#rowsAt(packed)];
  }

  /** The nonce of the last claim of each of these jobs, by job id: leases are made of it. And whether it was begun (`BEGUN`). */
  nonces(ids: readonly string[]): Map<string, { nonce: string; begun: number }> {
    const { packed, others } = this.#split(ids);
    const nonces =
      others.length === 0 ? new Map<string, { nonce: string; begun: number }>() : this.#rows.nonces(others);
    for (const { id, place } of packed) {
      const slice = this.#packs.claimOf(place);
      if (slice !== null) nonces.set(id, slice);
    }
    return nonces;
  }

  /** Jobs of a queue, discarded ones too, in no promised order. */
  ofQueue(queue: number, limit: number): string[] {
    const ids = this.#rows.ofQueue(queue, limit);
    for (const head of this.#packs.heads.ofQueue(queue)) {
      if (ids.length >= limit) break;
      ids.push(...this.#packs.livingIds(head).slice(0, limit - ids.length));
    }
    return ids;
  }

  /** The earliest unfinished job of an ordering key. */
  firstOfKey(queue: number, key: string): JobHead | null {
    return this.#rows.firstOfKey(queue, key);
  }

  /** The job of an ordering key whose turn it is. Reads the whole line: for redrive and explain only. */
  openOfKey(queue: number, key: string): JobHead | null {
    return this.#rows.openOfKey(queue, key);
  }

  /** The partitions of a queue that have ready jobs: one index seek each, however long their lines. */
  readyPartitions(queue: number): number[] {
    const rows = this.#rows.readyPartitions(queue);
    const packed = this.#packs.any ? this.#packs.heads.readyPartitions(queue) : [];
    return packed.length === 0 ? rows : [...new Set([...rows, ...packed])].sort((a, b) => a - b);
  }

  /** The best ready jobs of a partition. */
  ready(of: ReadyIn, limit: number): ReadyJob[] {
    const rows: ReadyJob[] = this.#rows.ready(of.queue, of.partition, limit);
    const packed = this.#packedReady(of, limit);
    if (packed.length === 0) return rows;
    return rows.length === 0 ? packed : [...rows, ...packed].sort(byRank).slice(0, limit);
  }

  /** The best of those that lie in packs, at most `limit`. */
  #packedReady({ queue, partition, now }: ReadyIn, limit: number): ReadyJob[] {
    const packed: ReadyJob[] = [];
    if (!this.#packs.any || limit <= 0) return packed;
    for (const [head, rank] of this.#packs.heads.waiting(queue, partition)) {
      const worst = packed.length < limit ? null : (packed[limit - 1]?.rank ?? null);
      if (worst !== null && worst < rank) break;
      const isMixed = packed.length > 0 && (packed.at(-1)?.rank ?? 0) >= rank;
      const ids = this.#inPack(head, now, () => this.#packs.ids(head));
      if (ids === null) continue;
      for (let at = head.next, n = 0; at < head.n && n < limit; at++) {
        const id = head.gone.has(at) ? undefined : ids[at];
        if (id === undefined) continue;
        packed.push({ id, rank: acceptedAt(head, at).rank, place: { head, at } });
        n += 1;
      }
      if (isMixed) packed.sort(byRank);
    }
    return packed.slice(0, limit);
  }

  /** The concurrency keys of jobs, by id; those without one are left out. */
  concurrencyKeys(ids: string[]): Map<string, string> {
    return this.#rows.concurrencyKeys(ids);
  }

  /** What the long texts of jobs take, by id: their payloads, and their attempts where these are asked for. */
  textBytes(ids: readonly string[], { allAttempts }: { allAttempts: boolean }): Map<string, number> {
    const { packed, others } = this.#split(ids);
    const bytes = this.#rows.textBytes(others, { allAttempts });
    for (const { id, payload, attempts } of this.#rowsAt(packed)) {
      bytes.set(id, utf8Bytes(payload) + (allAttempts ? utf8Bytes(attempts) : 0));
    }
    return bytes;
  }

  /** How many jobs of a limited partition run. Reads at most as many rows as the limit allows to run. */
  runningUnderLimit(queue: number, partition: number): number {
    const packed = this.#packs.any ? this.#packs.heads.tally(queue, partition).running : 0;
    return this.#rows.runningUnderLimit(queue, partition) + packed;
  }

  /** What the clock has to act on, soonest first. */
  due(now: number, limit: number): JobHead[] {
    const rows = this.#rows.due(now, limit);
    const packed = this.#packs.any ? this.#packedDue({ until: now, now }, limit) : [];
    if (packed.length === 0) return rows;
    return [...rows, ...packed].sort((a, b) => (a.due_at ?? 0) - (b.due_at ?? 0)).slice(0, limit);
  }

  #packedDue({ until, now }: { until: number; now: number }, limit: number): JobHead[] {
    const due: JobHead[] = [];
    const passedOver = this.#parts.get(QUARANTINE).count(EACH_PACK.kind, now);
    for (const pack of this.#packs.index.due(until, limit + passedOver * MOST_JOBS)) {
      const head = this.#packs.get(pack);
      if (head === null) continue;
      due.push(...(this.#inPack(head, now, () => this.#dueIn(head, until, limit - due.length)) ?? []));
    }
    return due;
  }

  #dueIn(head: PackHead, until: number, limit: number): JobHead[] {
    const rows = new PackRows(this.#packs, head);
    const due: JobHead[] = [];
    for (const slice of head.slices) {
      if (slice.dueAt > until) continue;
      for (const at of openPlaces(head, slice)) {
        if (due.length < limit) due.push(rows.row(at, this.#isLimited(head.queue)));
      }
    }
    return due;
  }

  /** What is made of a pack; null while it is set aside, because it cannot be read. */
  #inPack<Made>(head: PackHead, now: number, make: () => Made): Made | null {
    const name = { kind: EACH_PACK.kind, key: EACH_PACK.keyOf(head) };
    return this.#parts.get(QUARANTINE).holds(name.kind, name.key, now)
      ? null
      : readable(this.#parts, name, { now, make });
  }

  /** Queued jobs of a queue, at most `limit`: blocked ones first, because the end of a head would open the next. */
  queuedIds({ queue, now }: { queue: number; now: number }, limit: number): string[] {
    const ids = this.#rows.queuedIds(queue, limit);
    for (const partition of this.#packs.any ? this.#packs.heads.readyPartitions(queue) : []) {
      for (const { id } of this.#packedReady({ queue, partition, now }, limit - ids.length)) ids.push(id);
    }
    return ids;
  }

  /** The states of a queue's jobs above the id `after`, in the order of their ids: only of those that have rows. */
  statesAfter(queue: number, after: string, limit: number): { id: string; state: RowState }[] {
    return this.#rows.statesAfter(queue, after, limit);
  }

  /** Which of these the shard has, discarded ones too. */
  existing(ids: readonly string[]): string[] {
    const { packed, others } = this.#split(ids);
    const existing = others.length === 0 ? [] : this.#rows.existing(others);
    return [...existing, ...packed.map(({ id }) => id)];
  }

  /** What stays of a discarded job until history knows that it is gone; null when it was not discarded. */
  discarded(id: string): Tombstone | null {
    return this.#rows.discarded(id);
  }

  /** When the clock next has something to act on, epoch ms. */
  nextDueAt(now: number): number | null {
    const at = this.#rows.nextDueAt();
    const packed = this.#nextPackedDueAt(now);
    return at === null || packed === null ? (at ?? packed) : Math.min(at, packed);
  }

  #nextPackedDueAt(now: number): number | null {
    const { index } = this.#packs;
    const keyed = ({ pack, at }: { pack: number; at: number }) => ({ key: EACH_PACK.keyOf({ pack }), at });
    return this.#parts.get(QUARANTINE).nextAt(
      { kind: EACH_PACK.kind, now },
      () => index.nextDueAt(),
      // Each pack has so many slices at most.
      (limit) => index.soonest(limit * MOST_JOBS).map(keyed),
    );
  }

  /** The jobs of the soonest deadlines, and when these are. Asked while some are set aside. */
  dueTimes(limit: number, now: number): { key: string; at: number }[] {
    const times = dueTimes(this.#parts.sql, limit);
    for (const { id, due_at: at } of this.#packedDue({ until: Number.POSITIVE_INFINITY, now }, limit)) {
      if (at !== null) times.push({ key: id, at });
    }
    return times.sort((a, b) => a.at - b.at).slice(0, limit);
  }

  /** How many of these jobs are ready ones of a queue. */
  readyAmong(queue: number, ids: readonly string[]): number {
    const { packed, others } = this.#split(ids);
    const ready = packed.filter(({ place: { head, at } }) => head.queue === queue && stateAt(head, at) === "queued");
    return readyAmong(this.#parts.sql, queue, others) + ready.length;
  }

  /** Deletes rows of jobs, whatever they are. */
  remove(ids: readonly string[]): GoneRow[] {
    return this.#rows.remove(ids);
  }

  #packed(id: string): JobRow | null {
    const place = this.#packs.find(id);
    return place === null ? null : this.#rowsOf(place.head).row(place.at, this.#isLimited(place.head.queue));
  }

  #rowsOf(head: PackHead): PackRows {
    if (this.#last?.head === head) return this.#last.rows;
    const rows = new PackRows(this.#packs, head);
    if (this.#remembers) this.#last = { head, rows };
    return rows;
  }

  #isLimited(queue: number): boolean {
    return this.#parts.get(QUEUES).get(queue).settings.concurrency !== null;
  }

  #split(ids: readonly string[]): { packed: { id: string; place: PackPlace }[]; others: readonly string[] } {
    if (!this.#packs.any) return { packed: [], others: ids };
    const packed: { id: string; place: PackPlace }[] = [];
    const others: string[] = [];
    for (const id of ids) {
      const place = this.#packs.find(id);
      if (place === null) others.push(id);
      else packed.push({ id, place });
    }
    return { packed, others };
  }

  #rowsAt(packed: readonly { place: PackPlace }[]): JobRow[] {
    const rows: JobRow[] = [];
    for (const [head, places] of Map.groupBy(packed, ({ place }) => place.head)) {
      const ofPack = new PackRows(this.#packs, head);
      for (const { place } of places) rows.push(ofPack.row(place.at, this.#isLimited(head.queue)));
    }
    return rows;
  }
}

/** As the index has rows: the elder of two that have the same. */
function byRank(a: ReadyJob, b: ReadyJob): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : 1);
}

export const JOBS = new Part(
  "jobs",
  (shard) => new JobStore(shard, { remembers: false }),
  (_, step) => new JobStore(step, { remembers: true }),
);
