import type { RunReply } from "../../contract/rpc.ts";
import type { SlotMap } from "../../domain/slots.ts";
import type { Coordinator } from "../../domain/two-phase.ts";
import { migrate, pending } from "../migrate.ts";
import type { Sql } from "../sql.ts";
import { TRANSACTION_OBJECT_MIGRATIONS } from "./migrations.ts";

/** What a transaction remembers. */
export interface Stored {
  /** Of the transaction: an object that its alarm wakes is not told its name. */
  name: string;
  state: Coordinator;
  /** Slots of the batch, by the shard that is asked for them. */
  parts: Record<string, number[]>;
  map: SlotMap;
  /** Null as long as nothing is decided. */
  answer: RunReply | null;
  /** Epoch ms: since when everybody has carried out the decision. */
  overAt: number | null;
}

interface Row extends Record<string, string | number | null> {
  name: string;
  state: string;
  parts: string;
  map: string;
  answer: string | null;
  over_at: number | null;
}

/** The one row of a transaction. An object that is only asked, because somebody has its name, writes nothing at all. */
export class TransactionObjectStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  load(): Stored | null {
    const missing = pending(this.#sql, TRANSACTION_OBJECT_MIGRATIONS);
    if (missing.length === TRANSACTION_OBJECT_MIGRATIONS.length) return null;
    migrate(this.#sql, TRANSACTION_OBJECT_MIGRATIONS);
    const row = this.#sql.all<Row>("SELECT name, state, parts, map, answer, over_at FROM record")[0];
    if (row === undefined) return null;
    return {
      name: row.name,
      state: JSON.parse(row.state),
      parts: JSON.parse(row.parts),
      map: JSON.parse(row.map),
      answer: row.answer === null ? null : JSON.parse(row.answer),
      overAt: row.over_at,
    };
  }

  /** 1 row. */
  save({ name, state, parts, map, answer, overAt }: Stored): void {
    migrate(this.#sql, TRANSACTION_OBJECT_MIGRATIONS);
    this.#sql.run(
      "INSERT OR REPLACE INTO record (one, name, state, parts, map, answer, over_at) VALUES (1, ?, ?, ?, ?, ?, ?)",
      name,
      JSON.stringify(state),
      JSON.stringify(parts),
      JSON.stringify(map),
      answer === null ? null : JSON.stringify(answer),
      overAt,
    );
  }
}
