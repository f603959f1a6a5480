import type { SlotMap } from "../../domain/slots.ts";
import type { Sql } from "../sql.ts";

/** Sequence numbers are reserved this many at a time, so that a job costs a thousandth of a row for its number. */
const SEQUENCE_BLOCK = 1000;

/** The few facts a shard keeps beside its jobs. */
export class MetaStore {
  #sql: Sql;
  #next: number;
  #ceiling: number;
  #large: boolean;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#ceiling = Number(this.#read("sequence") ?? 0);
    this.#next = this.#ceiling;
    this.#large = this.#read("large") !== null;
  }

  /**
   * A number above every earlier one, over restarts too: numbers of a block that a crash cut short are skipped.
   * After a rolled back step the block may not be on disk: see `reload`.
   */
  sequence(): number {
    if (this.#next >= this.#ceiling) {
      this.#ceiling += SEQUENCE_BLOCK;
      this.#write("sequence", String(this.#ceiling));
    }
    this.#next += 1;
    return this.#next;
  }

  reload(): void {
    this.#ceiling = Number(this.#read("sequence") ?? 0);
    this.#next = Math.min(this.#next, this.#ceiling);
    this.#large = this.#read("large") !== null;
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
