/** Slots, partitions and the map that says which shard owns what. */

/** Slots are fixed for ever: job ids carry one. 12 bits, the width of UUIDv7's `rand_a`. */
export const SLOTS = 4096;

/** A run of slots. */
export interface SlotRange {
  readonly from: number;
  /** The last one, which belongs to it. */
  readonly to: number;
}

/**
 * Which shard owns which slots. Of two maps the one with the higher epoch is in force. A map never changes once it is made.
 */
export interface SlotMap {
  readonly epoch: number;
  readonly shards: readonly ShardEntry[];
}

/** One shard of a map, by its name, and what it owns there. */
export interface ShardEntry {
  readonly id: string;
  readonly slots: readonly SlotRange[];
}

/** FNV-1a over UTF-16 code units, then murmur3's finaliser so that short keys spread over all bits. 32 bits, unsigned. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The keys of a job that can decide its place. */
export interface PlacingKeys {
  orderingKey: string | null;
  concurrencyKey?: string | null;
  dedupKey?: string | null;
  idempotencyKey: string | null;
}

/**
 * Whether the keys of a job ask for two places: an ordering key and a concurrency key each decide it, and one place serves
 * both only where there is no other.
 */
export function keysClash(
  { orderingKey, concurrencyKey }: Pick<PlacingKeys, "orderingKey" | "concurrencyKey">,
  partitions: number,
): boolean {
  return orderingKey !== null && concurrencyKey !== null && concurrencyKey !== undefined && partitions > 1;
}

/** The partition of a job: by the first of its keys that it has, else by `chance` (0 <= chance < 1). */
export function partitionOf(keys: PlacingKeys, partitions: number, chance: number): number {
  const key = keys.orderingKey ?? keys.concurrencyKey ?? keys.dedupKey ?? keys.idempotencyKey;
  return key === null ? Math.floor(chance * partitions) : hash32(key) % partitions;
}

export function slotOf(namespace: string, queue: string, partition: number): number {
  return hash32(`${namespace}/${queue}/${partition}`) % SLOTS;
}

/** The first map: slots in `shards` even ranges, epoch 1. */
export function initialMap(shards: number): SlotMap {
  const edge = (i: number) => Math.floor((i * SLOTS) / shards);
  return {
    epoch: 1,
    shards: Array.from({ length: shards }, (_, i) => ({
      id: `shard-${i}`,
      slots: [{ from: edge(i), to: edge(i + 1) - 1 }],
    })),
  };
}

/** The shard that owns `slot`. Throws when no shard does: a map always covers every slot. */
export function ownerOf(map: SlotMap, slot: number): string {
  for (const shard of map.shards) {
    if (owns(shard, slot)) return shard.id;
  }
  throw new Error(`slot ${slot} has no owner at epoch ${map.epoch}`);
}

export function owns(shard: ShardEntry, slot: number): boolean {
  return shard.slots.some(({ from, to }) => from <= slot && slot <= to);
}

/**
 * The partition of a queue that a job of this slot lies in, by the keys it was placed by; null when there is none: the
 * number of partitions was another then. A job without keys may belong to any partition of the slot.
 */
export function partitionInSlot(
  queue: { namespace: string; name: string; partitions: number },
  slot: number,
  keys: PlacingKeys,
): number | null {
  const isHere = (partition: number) => slotOf(queue.namespace, queue.name, partition) === slot;
  // A draw that no key overrules is not a partition.
  const placed = partitionOf(keys, queue.partitions, -1);
  if (placed >= 0) return isHere(placed) ? placed : null;
  for (let partition = 0; partition < queue.partitions; partition++) if (isHere(partition)) return partition;
  return null;
}
