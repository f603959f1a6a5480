import { isPlatformFault } from "../../../domain/fault.ts";
import type { Sql } from "../../sql.ts";
import type { Parts } from "../kernel/part.ts";
import type { PackHead } from "./packs/pack-head.ts";
import type { IdBounds } from "./packs/pack-heads.ts";
import { PACKS, type Packs } from "./packs/packs.ts";

/** The indexes that have the jobs of one queue in the order of their ids: all of them, those that failed or were cancelled, and the tombstones. */
const INDEXES = {
  all: "jobs_by_queue WHERE queue = ?",
  dead: "jobs_dead WHERE queue = ? AND state IN ('failed', 'cancelled')",
  discarded: "jobs_discarded WHERE queue = ? AND state = 'discarded'",
} as const;
export type WalkedIndex = keyof typeof INDEXES;

/** Entries of an index that are read at once: few for each of many queues, and more of one that goes on. */
const FIRST_READ = 200;
const LEAST_READ = 2;
const MOST_READ = 500;
/** Packs that a walk passes over at most: to know from its head that a pack has nothing takes a hundredth of reading it. */
const MOST_PASSED = 2_000;

/** Whose jobs are walked, and between which ids; both bounds are exclusive. */
export interface QueueWalk {
  /** The refs of the queues. */
  queues: readonly number[];
  indexes: readonly WalkedIndex[];
  after: string;
  before: string;
  newestFirst: boolean;
  /** Whether a pack may have a job that is wanted, as far as its head says. Left out: each may. Those that have none are passed over. */
  mayHave?: (head: PackHead) => boolean;
}

/**
 * The ids of the jobs of some queues in one order, merged from an index that has each queue apart: what is read are entries
 * of these queues and no others, whatever else the shard has.
 */
export function* walkIds(parts: Parts, walk: QueueWalk): Generator<string, void> {
  const streams = walk.queues.length * walk.indexes.length;
  const chunk = Math.max(LEAST_READ, Math.min(MOST_READ, Math.ceil(FIRST_READ / Math.max(1, streams))));
  // The stream whose id comes next is the last: it is taken off and put back at its new place.
  const waiting: Stream[] = [];
  for (const queue of walk.queues) {
    for (const index of walk.indexes) putBack(waiting, new IndexStream(parts.sql, { walk, queue, index, chunk }));
    if (walk.indexes.includes("all")) putBack(waiting, new PackStream(parts.get(PACKS), { walk, queue }));
  }
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.head !== null) yield next.head;
    next.step();
    putBack(waiting, next);
  }
}

/** The next ids of a walk, at most `count`; fewer at its end. The walk goes on behind them. */
export function nextOf(ids: Iterator<string, void>, count: number): string[] {
  const taken: string[] = [];
  while (taken.length < count) {
    const next = ids.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

function putBack(waiting: Stream[], stream: Stream): void {
  const { head } = stream;
  if (head === null) return;
  let low = 0;
  for (let high = waiting.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (waiting[middle]?.comesAfter(head)) low = middle + 1;
    else high = middle;
  }
  waiting.splice(low, 0, stream);
}

/** Ids in the order of a walk. */
abstract class Stream {
  readonly #newestFirst: boolean;

  constructor({ newestFirst }: QueueWalk) {
    this.#newestFirst = newestFirst;
  }

  /** The next id; null at the end. */
  abstract get head(): string | null;

  abstract step(): void;

  /** Whether the walk comes to `id` before it comes to the head. */
  comesAfter(id: string): boolean {
    const { head } = this;
    return head !== null && (this.#newestFirst ? head < id : head > id);
  }
}

/** The packed jobs of one queue. The ids of packs hardly overlap: mostly those of one are in hand. */
class PackStream extends Stream {
  readonly #packs: Packs;
  readonly #walk: QueueWalk;
  readonly #ranges: Iterator<IdBounds, void>;
  #nextRange: IdBounds | null;
  #passed = 0;
  /** Ids that were read and not given, the next one last. */
  #ids: string[] = [];

  constructor(packs: Packs, { walk, queue }: { walk: QueueWalk; queue: number }) {
    super(walk);
    this.#packs = packs;
    this.#walk = walk;
    this.#ranges = packs.heads.rangesOf(queue, walk);
    this.#nextRange = this.#ranges.next().value ?? null;
    this.#fill();
  }

  override get head(): string | null {
    return this.#ids.at(-1) ?? null;
  }

  override step(): void {
    this.#ids.pop();
    this.#fill();
  }

  /** Reads packs until none that is left could have an id that comes before the next. */
  #fill(): void {
    for (let range = this.#nextRange; range !== null && this.#mayComeFirst(range); range = this.#nextRange) {
      if (!this.#passes(range.head)) this.#read(range.head);
      this.#nextRange = this.#ranges.next().value ?? null;
    }
  }

  #passes(head: PackHead): boolean {
    const { mayHave } = this.#walk;
    if (mayHave === undefined || this.#passed >= MOST_PASSED || mayHave(head)) return false;
    this.#passed += 1;
    return true;
  }

  #read(head: PackHead): void {
    const { after, before, newestFirst } = this.#walk;
    const ids = livingIds(this.#packs, head).filter((id) => id > after && id < before);
    this.#ids.push(...ids);
    this.#ids.sort();
    if (!newestFirst) this.#ids.reverse();
  }

  #mayComeFirst({ highest, lowest }: IdBounds): boolean {
    const { head } = this;
    return head === null || (this.#walk.newestFirst ? highest > head : lowest < head);
  }
}

/** None where they cannot be read: whoever claims from the pack, or audits it, comes to know of that. */
function livingIds(packs: Packs, head: IdBounds["head"]): string[] {
  try {
    return packs.livingIds(head);
  } catch (error) {
    if (isPlatformFault(error)) throw error;
    return [];
  }
}

interface StreamOf {
  walk: QueueWalk;
  queue: number;
  index: WalkedIndex;
  chunk: number;
}

/** One index of one queue, from one bound to the other. */
class IndexStream extends Stream {
  readonly #sql: Sql;
  readonly #of: StreamOf;
  #chunk: number;
  #ids: string[] = [];
  #at = 0;
  #ended = false;

  constructor(sql: Sql, of: StreamOf) {
    super(of.walk);
    this.#sql = sql;
    this.#of = of;
    this.#chunk = of.chunk;
    this.#read(null);
  }

  override get head(): string | null {
    return this.#ids[this.#at] ?? null;
  }

  override step(): void {
    const last = this.head;
    this.#at += 1;
    if (this.#at >= this.#ids.length && !this.#ended) this.#read(last);
  }

  #read(last: string | null): void {
    const { walk, queue, index } = this.#of;
    const { newestFirst } = walk;
    const after = newestFirst ? walk.after : (last ?? walk.after);
    const before = newestFirst ? (last ?? walk.before) : walk.before;
    const query = QUERIES[index][newestFirst ? "down" : "up"];
    this.#ids = this.#sql.all<{ id: string }>(query, queue, after, before, this.#chunk).map(({ id }) => id);
    this.#at = 0;
    this.#ended = this.#ids.length < this.#chunk;
    this.#chunk = Math.min(MOST_READ, this.#chunk * 2);
  }
}

function queriesOf(index: WalkedIndex) {
  const query = (order: string) =>
    `SELECT id FROM jobs INDEXED BY ${INDEXES[index]} AND id > ? AND id < ? ORDER BY id ${order} LIMIT +?`;
  return { up: query("ASC"), down: query("DESC") };
}

// Made once: SQLite finds a statement that it has prepared by its text.
const QUERIES = { all: queriesOf("all"), dead: queriesOf("dead"), discarded: queriesOf("discarded") };
