import type { Migration } from "../../migrate.ts";
import type { Audit } from "./audit-rules.ts";
import type { AnyPart, Parts } from "./part.ts";
import type { Step } from "./step.ts";

/**
 * Whose the rows of a table are. `slot`: each row belongs to the slot in its column `slot` and moves with it. `slots`: each
 * row belongs to several slots, which are the keys of the JSON object in its column `keysOf`: what is under the key of a
 * slot moves with that slot, and the row is split. `shard`: they are the shard's own and stay, for the reason given.
 */
export type TableScope =
  | { table: string; scope: "slot" }
  | { table: string; scope: "slots"; keysOf: string }
  | { table: string; scope: "shard"; why: string };

/**
 * A part of the shard's work: its tables, its memory, its deadlines, what it does when they come. The kernel walks the list
 * in `subsystems.ts` and knows no name on it. Everything but the name is left out where there is nothing.
 */
export interface Subsystem {
  readonly name: string;
  /** Its own tables. A migration says what each row and each index entry costs. */
  readonly schema?: readonly Migration[];
  /** Every table of the schema, with whose its rows are. */
  readonly tables?: readonly TableScope[];
  /** What it keeps in memory: read from the rows when the object starts. */
  readonly memory?: readonly AnyPart[];
  /** When the clock has something to do here, epoch milliseconds; null: nothing is due. The alarm is the least of these. */
  nextAt?(shard: Parts, now: number): number | null;
  /** Does a bounded amount of what is due. True when more is due than one step may do. */
  tick?(step: Step): boolean;
  /** Its ticks decide what may start: a claim that comes before the alarm runs them first. */
  readonly ticksBeforeClaims?: true;
  /** The clock may have stepped back: times that now lie too far ahead are brought back. True when more is left to do. */
  clampToClock?(step: Step): boolean;
  /** Outside of any transaction, after each step: answers when it wants to be called again, null for never. */
  afterStep?(shard: Parts, now: number): number | null;
  /** The rules that its rows, its memory and the alarm keep. */
  readonly audit?: Audit;
}
