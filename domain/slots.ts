/** Slots, partitions and the map that says which shard owns what. */

/**
 * How many slots there are, numbered from 0. It is fixed for ever, because job ids carry one: 12 bits, the width of
 * UUIDv7's `rand_a` (RFC 9562).
 */
export const SLOTS = 4096;

/** Shards of a first map where the variable SHARDS says nothing: an idle shard costs nothing, and a map that is made stays. */
export const DEFAULT_SHARDS = 16;

/** What the variable SHARDS says, from 1 to as many as there are slots. */
export function shardsFrom(text: string): number {
  const shards = Number(text);
  return Number.isInteger(shards) && shards >= 1 && shards <= SLOTS ? shards : DEFAULT_SHARDS;
}

/** Why a number of shards that the variable says is not the one of the map, as a sentence; null where it is. */
export function shardsFault(text: string, map: SlotMap): string | null {
  const wanted = shardsFrom(text);
  if (wanted === map.shards.length) return null;
  return `SHARDS says ${wanted} and the slot map has ${map.shards.length} shards: the variable is read once, when the map is made, and changes nothing afterwards.`;
}

/** Slots that follow each other, from `from` to `to`; both of these belong to it. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Which shard owns which slots. Of two maps the one with the higher epoch is in force. A map never changes once it is made,
 * and what has been worked out of one is kept with it.
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

/**
 * A hash of 32 bits, as a number from 0 to 2^32 - 1: FNV-1a (Fowler, Noll, Vo) over UTF-16 code units, then the
 * finaliser of MurmurHash3 (Appleby), so that short keys spread over all bits. It is part of where jobs lie and never
 * changes. It resists no attacker: whoever chooses keys can choose their places.
 */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The keys of a job that can decide its place. What is missing or null is not there. */
export interface PartitionKeys {
  orderingKey: string | null;
  concurrencyKey?: string | null;
  dedupKey?: string | null;
  idempotencyKey: string | null;
}

/**
 * Whether the keys of a job ask for two places in a queue of so many partitions. An ordering key and a concurrency key
 * each decide the place, and one place serves both only where there is no other.
 */
export function keysClash(
  { orderingKey, concurrencyKey }: Pick<PartitionKeys, "orderingKey" | "concurrencyKey">,
  partitions: number,
): boolean {
  return orderingKey !== null && concurrencyKey !== null && concurrencyKey !== undefined && partitions > 1;
}

/**
 * The partition of a job among `partitions`, numbered from 0: by the first of its keys that it has, in the order
 * ordering, concurrency, deduplication and idempotency key, else by `randomness` (0 <= randomness < 1).
 */
export function partitionOf(keys: PartitionKeys, partitions: number, randomness: number): number {
  const key = keys.orderingKey ?? keys.concurrencyKey ?? keys.dedupKey ?? keys.idempotencyKey;
  return key === null ? Math.floor(randomness * partitions) : hash32(key) % partitions;
}

/**
 * The slot in which a partition of a queue lies. It depends on nothing else, so that it stays where it is when the
 * queue gets more partitions or fewer.
 */
export function slotOf(namespace: string, queue: string, partition: number): number {
  return hash32(`${namespace}/${queue}/${partition}`) % SLOTS;
}

/** The slots of all partitions of a queue, each once. Two partitions may share one. */
export function slotsOfQueue(queue: { namespace: string; name: string; partitions: number }): number[] {
  const slots = Array.from({ length: queue.partitions }, (_, partition) =>
    slotOf(queue.namespace, queue.name, partition),
  );
  return [...new Set(slots)];
}

/** The first map, of epoch 1: the slots in even ranges over so many shards (1 to 4,096), named `shard-0` and on. */
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

/**
 * The shard that owns `slot`: the first of the map that names it. Throws when none does: a map always covers every slot.
 * Constant in the number of shards and ranges, but for the first call with a map (`ownersIn`).
 */
export function ownerOf(map: SlotMap, slot: number): string {
  const owner = ownerIn(map, slot);
  if (owner === undefined) throw new Error(`slot ${slot} has no owner at epoch ${map.epoch}`);
  return owner;
}

/**
 * Whether `shard` is the owner of `slot`. A slot has one owner, or none where the map lacks it; asking costs what
 * `ownerOf` costs.
 */
export function owns(map: SlotMap, shard: string, slot: number): boolean {
  return ownerIn(map, slot) === shard;
}

function ownerIn(map: SlotMap, slot: number): string | undefined {
  const at = ownersIn(map)[slot];
  return at === undefined || at === NOBODY ? undefined : map.shards[at]?.id;
}

/** Stands for no shard: a map has 4,096 shards at most, one a slot. */
const NOBODY = 0xffff;
const OWNERS = new WeakMap<SlotMap, Uint16Array>();

/** By slot: the place of its owner in `map.shards`. 8 KiB, made once a map, and gone with it. */
function ownersIn(map: SlotMap): Uint16Array {
  const known = OWNERS.get(map);
  if (known !== undefined) return known;
  const owners = new Uint16Array(SLOTS).fill(NOBODY);
  // From the last to the first, so that the first of two that name a slot has it.
  for (let at = map.shards.length - 1; at >= 0; at--) {
    for (const { from, to } of map.shards[at]?.slots ?? []) owners.fill(at, Math.max(0, from), Math.max(0, to + 1));
  }
  OWNERS.set(map, owners);
  return owners;
}

/**
 * The partition of `queue` in which a job of this slot lies that was placed by these keys, or null when there is none:
 * the queue had another number of partitions then. A job without keys may belong to any partition of the slot, and is
 * given the first.
 */
export function partitionInSlot(
  queue: { namespace: string; name: string; partitions: number },
  slot: number,
  keys: PartitionKeys,
): number | null {
  const isHere = (partition: number) => slotOf(queue.namespace, queue.name, partition) === slot;
  // A draw that no key overrules is not a partition.
  const fixed = partitionOf(keys, queue.partitions, -1);
  if (fixed >= 0) return isHere(fixed) ? fixed : null;
  for (let partition = 0; partition < queue.partitions; partition++) if (isHere(partition)) return partition;
  return null;
}
