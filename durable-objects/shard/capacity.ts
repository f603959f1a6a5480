import { partitionShare, type QueueSettings } from "../../domain/queue.ts";
import { owns, type SlotMap, slotOf } from "../../domain/slots.ts";
import type { Sql } from "../sql.ts";

/** What one shard holds at most. */
export interface ShardLimits {
  /** Of its database. */
  maxBytes: number;
  /** Unfinished jobs. */
  maxJobs: number;
}

/**
 * A Durable Object's database ends at 10 GB, and then nothing can be written: no claim, no report, no delete. Jobs are
 * refused well before. Five million unfinished jobs of some 600 bytes are three gigabytes, and a count of them takes seconds.
 */
export const SHARD_LIMITS: ShardLimits = { maxBytes: 8 * 1024 ** 3, maxJobs: 5_000_000 };

/** The database's size is asked for this often: it cannot grow by much in between. */
const BYTES_AGE_MS = 1_000;

/** How much this shard may hold: in all, and of each queue. */
export class Capacity {
  readonly limits: ShardLimits;
  readonly #name: string;
  readonly #sql: Sql;
  #map: SlotMap | null = null;
  /** By settings, of which there is one object a version. */
  #shares = new WeakMap<QueueSettings, { epoch: number; share: number }>();
  #bytes = { asked: Number.NEGATIVE_INFINITY, size: 0 };

  constructor(name: string, sql: Sql, limits: ShardLimits) {
    this.#name = name;
    this.#sql = sql;
    this.limits = limits;
  }

  /** The slots this shard owns have changed. */
  adopt(map: SlotMap | null): void {
    this.#map = map;
  }

  /** How many jobs of a queue may wait here: the shares of its partitions that lie on this shard. Null: no limit. */
  share(settings: QueueSettings): number | null {
    if (settings.maxBacklog === null) return null;
    const known = this.#shares.get(settings);
    const epoch = this.#map?.epoch ?? 0;
    if (known !== undefined && known.epoch === epoch) return known.share;
    const share = this.#shareOf(settings, settings.maxBacklog);
    this.#shares.set(settings, { epoch, share });
    return share;
  }

  /** The size of the database, up to a second old. */
  bytes(now: number): number {
    if (Math.abs(now - this.#bytes.asked) >= BYTES_AGE_MS) this.#bytes = { asked: now, size: this.#sql.bytes() };
    return this.#bytes.size;
  }

  #shareOf({ namespace, name, partitions }: QueueSettings, maxBacklog: number): number {
    let share = 0;
    for (let partition = 0; partition < partitions; partition++) {
      const mine = this.#map !== null && owns(this.#map, this.#name, slotOf(namespace, name, partition));
      if (mine) share += partitionShare(maxBacklog, partitions, partition);
    }
    return share;
  }
}
