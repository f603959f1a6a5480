import { SEQUENCE_PER_MS } from "../../domain/rank.ts";
import type { SlotMap } from "../../domain/slots.ts";
import type { Sql } from "../sql.ts";

/** Sequence numbers are reserved for this long ahead, so that they cost a row every ten seconds. */
const SEQUENCE_BLOCK = 10_000 * SEQUENCE_PER_MS;

/** The few facts a shard keeps beside its jobs. */
export class MetaStore {
  #sql: Sql;
  #next: number;
  #ceiling: number;
  #large: boolean;
  #forgotten: number;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#ceiling = Number(this.#read("sequence") ?? 0);
    this.#next = this.#ceiling;
    this.#large = this.#read("large") !== null;
    this.#forgotten = Number(this.#read("forgotten") ?? 0);
  }

  /**
   * A number above every earlier one, over restarts too: the microseconds of `now` where that is above, so that the
   * difference of two tells how long lay between them. Numbers of a block that a crash cut short are skipped.
   * After a rolled back step the block may not be on disk: see `reload`.
   */
  sequence(now: number): number {
    this.#next = Math.max(this.#next + 1, now * SEQUENCE_PER_MS);
    if (this.#next > this.#ceiling) {
      this.#ceiling = this.#next + SEQUENCE_BLOCK;
      this.#write("sequence", String(this.#ceiling));
    }
    return this.#next;
  }

  reload(): void {
    this.#ceiling = Number(this.#read("sequence") ?? 0);
    this.#next = Math.min(this.#next, this.#ceiling);
    this.#large = this.#read("large") !== null;
    this.#forgotten = Number(this.#read("forgotten") ?? 0);
  }

  /** Whether a payload so large ever came that a hundred of its kind would not fit in one claim. */
  hasLarge(): boolean {
    return this.#large;
  }

  noteLarge(): void {
    if (this.#large) return;
    this.#write("large", "yes");
    this.#large = true;
  }

  map(): SlotMap | null {
    const text = this.#read("map");
    return text === null ? null : (JSON.parse(text) as SlotMap);
  }

  adopt(map: SlotMap): void {
    this.#write("map", JSON.stringify(map));
  }

  /** History has every finished job up to this sequence number. */
  projected(): number {
    return Number(this.#read("projected") ?? 0);
  }

  /** No job that has left the shard came to its end above this number: 0 while none has left. */
  forgotten(): number {
    return this.#forgotten;
  }

  /** 1 row. */
  forgot(seq: number): void {
    if (seq <= this.#forgotten) return;
    this.#write("forgotten", String(seq));
    this.#forgotten = seq;
  }

  setProjected(cursor: number): void {
    this.#write("projected", String(cursor));
  }

  #read(key: string): string | null {
    return this.#sql.all<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)[0]?.value ?? null;
  }

  #write(key: string, value: string): void {
    this.#sql.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
  }
}
