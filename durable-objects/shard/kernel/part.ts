import type { Sql } from "../../sql.ts";

/**
 * What hands out the parts of a shard: the shard itself, or one of its steps, which sees what it has changed itself.
 */
export interface Parts {
  readonly sql: Sql;
  get<T>(part: Part<T>): T;
}

/** What a part is made from when the object starts: it reads its memory from the rows then, and never again. */
export interface PartContext extends Parts {
  /** The shard's own name. */
  readonly name: string;
  /** When the object started, epoch milliseconds. */
  readonly startedAt: number;
  /** What the shard is made of, in the order in which it acts. */
  readonly subsystems: readonly object[];
}

/** What a step gives to the part of a shard that changes in it. */
export interface StepScope {
  /** `effect` runs when the step has committed, and never when it was undone: the only place where memory changes. */
  onCommit(effect: () => void): void;
}

/** What is to be made when the object starts, whatever its type. */
export interface AnyPart {
  readonly index: number;
  readonly name: string;
  readonly make: (shard: PartContext) => unknown;
}

let made = 0;

/**
 * A piece of a shard's state: the statements on a table, and the memory that is kept beside its rows. A part is declared
 * once, in the file of what it makes, and is asked for by that declaration, so that nobody keeps a list of all parts.
 *
 * Memory follows one rule: it is read from the rows when the object starts, and after that it changes only in
 * `StepScope.onCommit`. A step that is undone then leaves nothing behind. A part whose changes the same step has to see
 * gives each step a view of its own, by `inStep`. A hint that may only cost a question too many (`Presence`) is raised at
 * once.
 */
export class Part<T> implements AnyPart {
  /** The place of the part in the tables of those who hold parts. */
  readonly index = made++;
  readonly name: string;
  readonly make: (shard: PartContext) => T;
  readonly inStep: ((base: T, step: StepScope & Parts) => T) | null;

  constructor(
    name: string,
    make: (shard: PartContext) => T,
    inStep: ((base: T, step: StepScope & Parts) => T) | null = null,
  ) {
    this.name = name;
    this.make = make;
    this.inStep = inStep;
  }
}
