import { acceptedAt, liveOf, nextWaiting, type PackHead } from "./pack-head.ts";

/** Jobs of packs that wait and run. */
export interface PackTally {
  ready: number;
  running: number;
}

const NONE: Readonly<PackTally> = { ready: 0, running: 0 };

/**
 * The heads of all packs, by what they are looked for: it has what the rows have, and follows each step that has committed.
 * What it takes grows with the packs and not with their jobs.
 */
export class PackIndex {
  readonly #heads = new Map<number, PackHead>();
  readonly #bySlot = new Map<number, IdRanges>();
  readonly #byQueue = new Map<number, IdRanges>();
  /** By queue, then by partition. */
  readonly #lines = new Map<number, Map<number, Line>>();
  readonly #due = new DueHeap();
  /** Packs with jobs that have succeeded beside others that have not, in the order in which they came to be so. */
  readonly #mixed = new Map<number, number>();
  /** Of each queue, jobs that have succeeded in packs that are not over. */
  readonly #partlyDone = new Map<number, number>();
  #newest = 0;

  get(pack: number): PackHead | null {
    return this.#heads.get(pack) ?? null;
  }

  get size(): number {
    return this.#heads.size;
  }

  /** The highest number of any pack. */
  get newest(): number {
    return this.#newest;
  }

  /** A pack has changed or is new; null: it is gone. */
  set(pack: number, head: PackHead | null): void {
    const before = this.#heads.get(pack) ?? null;
    if (head === null) this.#heads.delete(pack);
    else this.#heads.set(pack, head);
    this.#newest = Math.max(this.#newest, pack);
    this.#range(before, head);
    this.#count(before, -1);
    this.#count(head, 1);
    const named = head ?? before;
    if (named === null) return;
    this.#lineOf(named).set(before, head);
    for (const { dueAt, first } of head?.slices ?? []) {
      const known = before?.slices.find((slice) => slice.first === first);
      if (known === undefined || known.dueAt !== dueAt) this.#due.push({ at: dueAt, pack, first });
    }
    const { mixedSince = null } = head ?? {};
    if (mixedSince === null) this.#mixed.delete(pack);
    else if (!this.#mixed.has(pack)) this.#mixed.set(pack, mixedSince);
  }

  /** Packs of a slot that may have this id. */
  ofSlot(slot: number): IdRanges {
    return rangesIn(this.#bySlot, slot);
  }

  ofQueue(queue: number): IdRanges {
    return rangesIn(this.#byQueue, queue);
  }

  /** Packs of a partition with jobs that wait, each with a rank that none of these is below, in the order of these ranks. */
  waiting(queue: number, partition: number): Iterable<[head: PackHead, rank: number]> {
    return this.#lines.get(queue)?.get(partition)?.waiting() ?? [];
  }

  /** The newest pack of a partition and priority; null before the first. It may be gone. */
  tail(queue: number, partition: number, priority: number): number | null {
    return this.#lines.get(queue)?.get(partition)?.tails.get(priority) ?? null;
  }

  tally(queue: number, partition: number): Readonly<PackTally> {
    return this.#lines.get(queue)?.get(partition)?.tally ?? NONE;
  }

  partitionsOf(queue: number): Iterable<[partition: number, line: { tally: Readonly<PackTally> }]> {
    return this.#lines.get(queue) ?? [];
  }

  queues(): Iterable<number> {
    return this.#lines.keys();
  }

  /** Jobs of a queue that have succeeded in packs that are not over: the log does not have them yet. */
  get partlyDone(): Iterable<[queue: number, jobs: number]> {
    return this.#partlyDone;
  }

  /** When the next slice is due, epoch ms; null when none runs. */
  nextDueAt(): number | null {
    return this.#due.first((entry) => this.#isOpen(entry))?.at ?? null;
  }

  /** Packs with slices that are due at `now`. */
  due(now: number, limit: number): number[] {
    return [
      ...new Set(this.#due.upTo(now, { limit, isValid: (entry) => this.#isOpen(entry) }).map(({ pack }) => pack)),
    ];
  }

  /** The soonest ends of slices. */
  soonest(limit: number): { pack: number; at: number }[] {
    return this.#due.upTo(Number.POSITIVE_INFINITY, { limit, isValid: (entry) => this.#isOpen(entry) });
  }

  /** Packs that are partly done, those first that have been for longest, and since when (epoch ms). */
  get mixed(): Iterable<[pack: number, since: number]> {
    return this.#mixed;
  }

  #isOpen({ pack, first, at }: DueEntry): boolean {
    return this.#heads.get(pack)?.slices.some((slice) => slice.first === first && slice.dueAt === at) ?? false;
  }

  #range(before: PackHead | null, head: PackHead | null): void {
    const isSame = before !== null && head !== null && before.minId === head.minId && before.maxId === head.maxId;
    if (isSame) return;
    if (before !== null) {
      this.ofSlot(before.slot).remove(before.pack, before.minId);
      this.ofQueue(before.queue).remove(before.pack, before.minId);
    }
    if (head === null) return;
    this.ofSlot(head.slot).add(head);
    this.ofQueue(head.queue).add(head);
  }

  #count(head: PackHead | null, by: 1 | -1): void {
    if (head === null || liveOf(head) === 0 || head.done === 0) return;
    const jobs = (this.#partlyDone.get(head.queue) ?? 0) + by * head.done;
    if (jobs === 0) this.#partlyDone.delete(head.queue);
    else this.#partlyDone.set(head.queue, jobs);
  }

  #lineOf({ queue, partition }: PackHead): Line {
    const ofQueue = this.#lines.get(queue) ?? new Map<number, Line>();
    this.#lines.set(queue, ofQueue);
    const line = ofQueue.get(partition) ?? new Line();
    ofQueue.set(partition, line);
    return line;
  }

  /** The queue is gone, and has no packs any more. */
  forget(queue: number): void {
    this.#lines.delete(queue);
    this.#byQueue.delete(queue);
  }
}

function rangesIn(map: Map<number, IdRanges>, key: number): IdRanges {
  let ranges = map.get(key);
  if (ranges === undefined) {
    ranges = new IdRanges();
    map.set(key, ranges);
  }
  return ranges;
}

interface IdRange {
  pack: number;
  minId: string;
  maxId: string;
  /** The highest id of this range and all before it. */
  reach: string;
  dead: boolean;
}

/** Ranges that are dead and still take a place, beyond those that live. */
const DEAD_AT_MOST = 64;

/** The packs of a slot or a queue by the ids that they may have, in the order of their lowest ids. Ranges may overlap, and mostly do not. */
export class IdRanges {
  #ranges: IdRange[] = [];
  #dead = 0;

  add({ pack, minId, maxId }: PackHead): void {
    const at = this.#behind(minId);
    this.#ranges.splice(at, 0, { pack, minId, maxId, reach: maxId, dead: false });
    for (let i = at; i < this.#ranges.length; i++) {
      const range = this.#ranges[i];
      const before = this.#ranges[i - 1]?.reach ?? "";
      if (range === undefined) break;
      const reach = later(before, range.maxId);
      // Those behind reach as far as before.
      if (i > at && range.reach === reach) break;
      range.reach = reach;
    }
  }

  remove(pack: number, minId: string): void {
    for (let i = this.#behind(minId) - 1; i >= 0; i--) {
      const range = this.#ranges[i];
      if (range === undefined || range.minId !== minId) return;
      if (range.pack !== pack || range.dead) continue;
      range.dead = true;
      this.#dead += 1;
      if (this.#dead > DEAD_AT_MOST && this.#dead * 2 > this.#ranges.length) this.#compact();
      return;
    }
  }

  /** Packs whose range has `id`. */
  *having(id: string): Generator<number, void> {
    for (let i = this.#behind(id) - 1; i >= 0; i--) {
      const range = this.#ranges[i];
      if (range === undefined || range.reach < id) return;
      if (!range.dead && range.maxId >= id) yield range.pack;
    }
  }

  /** All packs with ids between `after` and `before`, both exclusive, by their lowest ids, or the other way round. */
  *between(
    after: string,
    before: string,
    down: boolean,
  ): Generator<{ pack: number; minId: string; maxId: string; reach: string }, void> {
    const ranges = this.#ranges;
    if (down) {
      for (let i = this.#behind(before) - 1; i >= 0; i--) {
        const range = ranges[i];
        if (range === undefined || range.reach <= after) return;
        if (!range.dead && range.maxId > after && range.minId < before) yield range;
      }
      return;
    }
    let from = this.#behind(after);
    while (from > 0 && (ranges[from - 1]?.reach ?? "") > after) from -= 1;
    for (let i = from; i < ranges.length; i++) {
      const range = ranges[i];
      if (range === undefined || range.minId >= before) return;
      if (!range.dead && range.maxId > after) yield range;
    }
  }

  /** How many ranges begin at or before `id`. */
  #behind(id: string): number {
    let low = 0;
    for (let high = this.#ranges.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.minId ?? "") <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    this.#ranges = this.#ranges.filter(({ dead }) => !dead);
    this.#dead = 0;
    let reach = "";
    for (const range of this.#ranges) {
      reach = reach > range.maxId ? reach : range.maxId;
      range.reach = reach;
    }
  }
}

/** The one of two ids that comes later. */
function later(a: string, b: string): string {
  return [a, b].sort().at(1) ?? b;
}

interface Waiting {
  pack: number;
  rank: number;
}

/** The packs of a partition: how many of their jobs wait and run, and those in whose order they go. */
class Line {
  readonly tally: PackTally = { ready: 0, running: 0 };
  /** The newest pack of each priority. */
  readonly tails = new Map<number, number>();
  #waiting: Waiting[] = [];
  readonly #heads = new Map<number, PackHead>();

  set(before: PackHead | null, head: PackHead | null): void {
    this.tally.ready += (head?.waiting ?? 0) - (before?.waiting ?? 0);
    this.tally.running += (head?.running ?? 0) - (before?.running ?? 0);
    if (before !== null && before.waiting > 0 && (head === null || head.waiting === 0)) this.#heads.delete(before.pack);
    if (head === null || head.waiting === 0) return;
    if (before === null) this.tails.set(head.priority, head.pack);
    if (!this.#heads.has(head.pack)) this.#insert(head);
    this.#heads.set(head.pack, head);
  }

  *waiting(): Generator<[head: PackHead, rank: number], void> {
    this.#dropEnded();
    for (const { pack, rank } of this.#waiting) {
      const head = this.#heads.get(pack);
      if (head !== undefined) yield [head, rank];
    }
  }

  /** By the rank of its first job that waits: those of one pack ascend, and those of two may lie between each other. */
  #insert(head: PackHead): void {
    const at = nextWaiting(head);
    if (at === null) return;
    const { rank } = acceptedAt(head, at);
    let low = 0;
    for (let high = this.#waiting.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#waiting[middle]?.rank ?? 0) <= rank) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, { pack: head.pack, rank });
  }

  /** Those at the front that have none any more; all of them, once they are more than the others. */
  #dropEnded(): void {
    let ended = 0;
    while (ended < this.#waiting.length && !this.#heads.has(this.#waiting[ended]?.pack ?? 0)) ended += 1;
    if (ended > DEAD_AT_MOST || ended === this.#waiting.length) this.#waiting.splice(0, ended);
    if (this.#waiting.length > 2 * this.#heads.size + DEAD_AT_MOST) {
      this.#waiting = this.#waiting.filter(({ pack }) => this.#heads.has(pack));
    }
  }
}

interface DueEntry {
  at: number;
  pack: number;
  first: number;
}

/** The ends of slices, the soonest first. An entry stays until it comes to the front, and is then found to be over. */
class DueHeap {
  readonly #entries: DueEntry[] = [];

  push(entry: DueEntry): void {
    const entries = this.#entries;
    entries.push(entry);
    for (let i = entries.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (atOf(entries[parent]) <= entry.at) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  first(isValid: (entry: DueEntry) => boolean): DueEntry | null {
    for (;;) {
      const [first] = this.#entries;
      if (first === undefined) return null;
      if (isValid(first)) return first;
      this.#pop();
    }
  }

  /** Those due at `now`, at most `limit`. They stay. */
  upTo(now: number, { limit, isValid }: { limit: number; isValid: (entry: DueEntry) => boolean }): DueEntry[] {
    const due: DueEntry[] = [];
    while (due.length < limit) {
      const first = this.first(isValid);
      if (first === null || first.at > now) break;
      due.push(first);
      this.#pop();
    }
    for (const entry of due) this.push(entry);
    return due;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return;
    entries[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const least = atOf(entries[left + 1]) < atOf(entries[left]) ? left + 1 : left;
      if (atOf(entries[least]) >= last.at) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#entries[a], this.#entries[b]];
    if (one === undefined || other === undefined) return;
    this.#entries[a] = other;
    this.#entries[b] = one;
  }
}

function atOf(entry: DueEntry | undefined): number {
  return entry?.at ?? Number.POSITIVE_INFINITY;
}
