import { initialMap, type SlotMap } from "../../domain/slots.ts";
import { migrate } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { DIRECTORY_MIGRATIONS } from "./migrations.ts";

/** Every slot map there ever was; the one with the highest epoch is in force. */
export class DirectoryStore {
  #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    migrate(sql, DIRECTORY_MIGRATIONS);
  }

  current(): SlotMap | null {
    const row = this.#sql.all<{ map: string }>("SELECT map FROM maps ORDER BY epoch DESC LIMIT 1")[0];
    return row === undefined ? null : (JSON.parse(row.map) as SlotMap);
  }

  /** The map in force; at the very first call, slots divided evenly over `shards`. */
  birth(shards: number): SlotMap {
    const current = this.current();
    if (current !== null) return current;
    const first = initialMap(shards);
    this.#sql.run("INSERT INTO maps VALUES (?, ?)", first.epoch, JSON.stringify(first));
    return first;
  }

  /** A shard is there. Written once a shard. */
  noteUsed(shard: string): void {
    const known = this.current()?.shards.some(({ id }) => id === shard) ?? false;
    if (known) this.#sql.run("INSERT OR IGNORE INTO used_shards VALUES (?)", shard);
  }

  used(): string[] {
    return this.#sql.all<{ shard: string }>("SELECT shard FROM used_shards").map(({ shard }) => shard);
  }
}
