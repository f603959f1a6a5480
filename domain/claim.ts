/** What to claim next: one decision over every queue that may give work. */

import { type Contender, type FairShare, nextInShare } from "./fairness.ts";

/**
 * A job that a claim may start now as far as the job itself and its keys are concerned: it is queued and due, the head
 * of its ordering key, and through the gate of its concurrency key.
 */
export interface Ready {
  id: string;
  /** The lower goes first: see `rank.ts`. */
  rank: number;
  /** The concurrency key, where its queue limits keys. */
  key: string | null;
}

/**
 * The ready jobs of one partition, best first, and in `room` how many of them the partition's share of concurrency and
 * rate lets start now.
 */
export interface PartitionOffer {
  room: number;
  ready: Ready[];
}

/**
 * Room that several queues have together: how many more jobs may start of all that name it. Offers of one claim say the same
 * of the same name.
 */
export interface SharedRoom {
  name: string;
  room: number;
}

/** What a queue offers to a claim; `Ref` is the caller's own name of a queue. A paused queue is not to be offered. */
export interface QueueOffer<Ref> {
  queue: Ref;
  namespace: string;
  name: string;
  weight: number;
  partitions: PartitionOffer[];
  /** How many more jobs of each concurrency key may start now; a key that is not named has no limit. */
  keyRoom: ReadonlyMap<string, number>;
  /** Rooms that it has together with other queues; it starts no more than the least of them lets. */
  shared: readonly SharedRoom[];
}

/** Jobs of one queue by their ids, best first. */
export interface Grant<Ref> {
  queue: Ref;
  ids: string[];
}

/** What `decide` has made of the offers. The caller starts `grants` and keeps `turns` for the next decision. */
export interface Decision<Ref> {
  /** The jobs to start, in each queue best first. */
  grants: Grant<Ref>[];
  /** Jobs that were next and may not start, because their concurrency key is full. */
  gated: Grant<Ref>[];
  /** Whose turn it is from here on. */
  fairShare: FairShare;
}

/**
 * Divides `room` over the offers, and never exceeds any of the rooms. Inside a queue the order is strict: the lowest
 * rank goes first, as far as its partition and its concurrency key have room. Between namespaces, and inside a
 * namespace between its queues by weight, it is turn about (`fairness.ts`), so that a queue with a million jobs and a
 * queue with one each get their turn. The same arguments give the same answer.
 */
export function decide<Ref>(offers: QueueOffer<Ref>[], room: number, fairShare: FairShare): Decision<Ref> {
  const lines = new Map(offers.map((offer): [Contender, Line<Ref>] => [offer, new Line(offer)]));
  const rooms = new SharedRooms(offers);
  const waits = (offer: QueueOffer<Ref>) => rooms.left(offer) > 0 && lines.get(offer)?.peek() !== null;
  let contenders = offers.filter(waits);
  let left = room;
  let next = fairShare;
  while (left > 0 && contenders.length > 0) {
    const served = nextInShare(contenders, next);
    const line = lines.get(served.contender);
    if (line === undefined) throw new Error("a turn was given to nobody");
    // Alone, a queue needs no turns.
    const count = contenders.length === 1 ? left : 1;
    for (let i = 0; i < count && rooms.left(served.contender) > 0 && line.take(); i++) {
      rooms.take(served.contender);
      left -= 1;
    }
    next = served.fairShare;
    // Its room may have been that of others too.
    if (!waits(served.contender)) contenders = contenders.filter(waits);
  }
  const all = [...lines.values()];
  return {
    grants: all.filter(({ taken }) => taken.length > 0).map(({ queue, taken }) => ({ queue, ids: taken })),
    gated: all.filter(({ gated }) => gated.length > 0).map(({ queue, gated }) => ({ queue, ids: gated })),
    fairShare: next,
  };
}

/** What is left of the rooms that queues share. */
class SharedRooms<Ref> {
  readonly #left = new Map<string, number>();

  constructor(offers: readonly QueueOffer<Ref>[]) {
    for (const { shared } of offers) for (const { name, room } of shared) this.#left.set(name, room);
  }

  /** How many more jobs of the offer may start. */
  left({ shared }: QueueOffer<Ref>): number {
    let left = Number.POSITIVE_INFINITY;
    for (const { name } of shared) left = Math.min(left, this.#left.get(name) ?? 0);
    return left;
  }

  /** One job of the offer starts. */
  take({ shared }: QueueOffer<Ref>): void {
    for (const { name } of shared) this.#left.set(name, (this.#left.get(name) ?? 0) - 1);
  }
}

/** The jobs of one queue in the order in which they may start. */
class Line<Ref> {
  readonly queue: Ref;
  readonly taken: string[] = [];
  readonly gated: string[] = [];
  readonly #partitions: { room: number; ready: Ready[]; at: number }[];
  readonly #keyRoom: Map<string, number>;

  constructor({ queue, partitions, keyRoom }: QueueOffer<Ref>) {
    this.queue = queue;
    this.#partitions = partitions.map(({ room, ready }) => ({ room, ready, at: 0 }));
    this.#keyRoom = new Map(keyRoom);
  }

  /** The next job, or null when none may start. */
  peek(): Ready | null {
    return this.#best()?.ready ?? null;
  }

  /** Takes the next job; false when none may start. */
  take(): boolean {
    const best = this.#best();
    if (best === null) return false;
    best.partition.at += 1;
    best.partition.room -= 1;
    this.taken.push(best.ready.id);
    const { key } = best.ready;
    if (key !== null) this.#keyRoom.set(key, this.#roomOf(key) - 1);
    return true;
  }

  #best() {
    let best: { partition: { room: number; at: number }; ready: Ready } | null = null;
    for (const partition of this.#partitions) {
      const ready = this.#first(partition);
      if (ready !== null && (best === null || ready.rank < best.ready.rank)) best = { partition, ready };
    }
    return best;
  }

  #first(partition: { room: number; ready: Ready[]; at: number }): Ready | null {
    if (partition.room <= 0) return null;
    for (; ; partition.at++) {
      const ready = partition.ready[partition.at];
      if (ready === undefined) return null;
      if (ready.key === null || this.#roomOf(ready.key) > 0) return ready;
      this.gated.push(ready.id);
    }
  }

  #roomOf(key: string): number {
    return this.#keyRoom.get(key) ?? Number.POSITIVE_INFINITY;
  }
}
