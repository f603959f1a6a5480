import type { Busy, Moved, MovedItem } from "../../../contract/rpc.ts";
import { findSlot } from "../../../domain/job-id.ts";
import { parseLease } from "../../../domain/lease.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { FACTS } from "./facts.ts";
import { Part, type Parts } from "./part.ts";
import type { Step } from "./step.ts";

const KEY = "map";

/** Which slots are this shard's, by the newest slot map that it has heard of. */
export class Ownership {
  readonly #shard: string;
  #map: SlotMap | null;

  constructor(shard: string, map: SlotMap | null) {
    this.#shard = shard;
    this.#map = map;
  }

  /** Null before the first map was adopted. */
  get map(): SlotMap | null {
    return this.#map;
  }

  get epoch(): number {
    return this.#map?.epoch ?? 0;
  }

  /** The ranges of slots that are this shard's. */
  get ranges() {
    return this.#map?.shards.find(({ id }) => id === this.#shard)?.slots ?? [];
  }

  /** How many slots are this shard's. */
  get slotCount(): number {
    return this.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  /** Whether the slot is this shard's. Takes constant time. */
  owns(slot: number): boolean {
    return this.#map !== null && ownerOf(this.#map, slot) === this.#shard;
  }

  /** Who owns a slot; null before the first map. */
  ownerOf(slot: number): string | null {
    return this.#map === null ? null : ownerOf(this.#map, slot);
  }

  /**
   * What a call that touches `slots` is answered in place of being run: null when all of them are this shard's. Throws
   * before the first map: the object asks for it before any call.
   */
  refusal(slots: Iterable<number>): Moved | Busy | null {
    const map = this.#map;
    if (map === null) throw new Error(`${this.#shard} has no slot map yet`);
    for (const slot of slots) if (ownerOf(map, slot) !== this.#shard) return { type: "moved", map };
    return null;
  }

  /** Goes by `map` from the commit of this step on, unless a newer one is known. 1 row. */
  adopt(step: Step, map: SlotMap): void {
    if (map.epoch <= this.epoch) return;
    step.get(FACTS).write(KEY, JSON.stringify(map));
    step.onCommit(() => {
      this.#map = map;
    });
  }
}

/** Null where it cannot be read: it is asked for again, as that of a new shard is. */
function mapIn(text: string): SlotMap | null {
  try {
    return JSON.parse(text) as SlotMap;
  } catch {
    return null;
  }
}

export const OWNERSHIP = new Part("ownership", (shard) => {
  const text = shard.get(FACTS).read(KEY);
  return new Ownership(shard.name, text === null ? null : mapIn(text));
});

/** The slots of jobs, by their ids. What is no id of a job lies nowhere: the call finds nothing. */
export function slotsOfJobs(ids: Iterable<string>): number[] {
  const found: number[] = [];
  for (const id of ids) {
    const slot = findSlot(id);
    if (slot !== null) found.push(slot);
  }
  return found;
}

/** The slot of the job that a lease names; null when the text is no lease. */
export function slotOfLease(text: string): number | null {
  const lease = parseLease(text);
  return lease === null ? null : findSlot(lease.jobId);
}

/** Items of a request, each with a lease, as far as this shard may answer them. */
export interface OwnLeases<Item> {
  /** Those whose jobs lie in slots of this shard, and those whose lease is none. In the order of the request. */
  own: Item[];
  /** The answers to all items in the order of the request, given those to `own`. */
  answers<Result>(results: Result[]): (Result | MovedItem)[];
}

/** Sorts out the items that another shard has to answer. */
export function ownLeases<Item extends { lease: string }>(parts: Parts, items: Item[]): OwnLeases<Item> {
  const ownership = parts.get(OWNERSHIP);
  if (items.every(({ lease }) => movedItem(ownership, lease) === null)) {
    return { own: items, answers: (results) => results };
  }
  const moved = items.map(({ lease }) => movedItem(ownership, lease));
  return {
    own: items.filter((_, i) => moved[i] === null),
    answers: (results) => {
      const rest = results.values();
      return moved.map((item) => item ?? next(rest));
    },
  };
}

function movedItem(ownership: Ownership, lease: string): MovedItem | null {
  const slot = slotOfLease(lease);
  if (slot === null || ownership.owns(slot)) return null;
  const to = ownership.ownerOf(slot);
  if (to === null) throw new Error("a report has come before the first slot map");
  return { status: "moved", to };
}

function next<Result>(results: Iterator<Result>): Result {
  const { done, value } = results.next();
  if (done) throw new Error("fewer answers than items");
  return value;
}
