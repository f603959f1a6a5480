/** What to claim next: one decision over every queue that may give work. */

/** A job that is ready: queued, due and the head of its ordering key. */
export interface Ready {
  id: string;
  priority: number;
  /** Acceptance order in the shard. */
  seq: number;
}

/** The ready jobs of one partition, best first, and how many of them its limits allow to start now. */
export interface PartitionOffer {
  room: number;
  ready: Ready[];
}

/** A queue's share in a claim: `room` bounds it over all its partitions. */
export interface QueueOffer<Ref> {
  queue: Ref;
  room: number;
  partitions: PartitionOffer[];
}

export interface Grant<Ref> {
  queue: Ref;
  ids: string[];
}

/** Higher priority first; among equals the one accepted first. */
export function byRank(a: Ready, b: Ready): number {
  return b.priority - a.priority || a.seq - b.seq;
}

/**
 * Divides `room` over the offers. Inside a queue the order is strict: priority, then acceptance. Between
 * queues it is round robin, starting with the first offer, so that a queue with a million jobs and a queue
 * with one each get their turn. Never exceeds any `room`.
 */
export function grant<Ref>(offers: QueueOffer<Ref>[], room: number): Grant<Ref>[] {
  const lines = offers.map((offer) => ({ queue: offer.queue, line: rankOf(offer), taken: 0 }));
  let left = room;
  for (let active = lines; left > 0 && active.length > 0; active = active.filter((q) => q.taken < q.line.length)) {
    const each = Math.max(1, Math.floor(left / active.length));
    for (const queue of active) {
      const take = Math.min(each, left, queue.line.length - queue.taken);
      queue.taken += take;
      left -= take;
    }
  }
  return lines
    .filter((q) => q.taken > 0)
    .map((q) => ({ queue: q.queue, ids: q.line.slice(0, q.taken).map((r) => r.id) }));
}

function rankOf<Ref>(offer: QueueOffer<Ref>): Ready[] {
  const allowed = offer.partitions.map((partition) => partition.ready.slice(0, Math.max(0, partition.room)));
  const merged = allowed.length === 1 ? (allowed[0] ?? []) : allowed.flat().sort(byRank);
  return merged.slice(0, Math.max(0, offer.room));
}
