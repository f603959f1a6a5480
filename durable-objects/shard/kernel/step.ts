import type { Sql } from "../../sql.ts";
import type { Part, Parts, StepScope } from "./part.ts";

/** What a step is made of. */
export interface StepInputs {
  /** Epoch milliseconds: the one moment at which all of the step happens. */
  now: number;
  /** Uniform in [0, 1). */
  random: () => number;
  /** The clock may have stepped back since what is remembered of it was written. */
  clockMayHaveSteppedBack: boolean;
}

/** Thrown to undo an attempt, and caught where it was begun. */
const UNDO = Symbol("undo");

/** What a step remembers until it ends. An attempt that is kept hands its own on. */
class Scratchpad {
  readonly byOwner = new Map<object, unknown>();
  readonly settling: (() => void)[] = [];
  readonly recording: (() => void)[] = [];
  readonly committed: (() => void)[] = [];
  readonly woken = new Map<string, number>();
  alarmBy = Number.POSITIVE_INFINITY;

  /** Nothing would follow from the step as it is. What is remembered of reads alone counts for nothing. */
  get isEmpty(): boolean {
    return this.settling.length + this.recording.length + this.committed.length === 0;
  }
}

/**
 * One atomic step of a shard: everything between its transaction's begin and commit. It is scratch, and nothing else: the
 * moment, chance, and what is to happen when it ends. When the transaction is undone, it is forgotten whole.
 */
export class Step implements Parts, StepScope {
  readonly now: number;
  readonly random: () => number;
  readonly clockMayHaveSteppedBack: boolean;
  readonly #shard: Parts;
  #pad = new Scratchpad();

  constructor(shard: Parts, inputs: StepInputs) {
    this.#shard = shard;
    this.now = inputs.now;
    this.random = inputs.random;
    this.clockMayHaveSteppedBack = inputs.clockMayHaveSteppedBack;
  }

  get sql(): Sql {
    return this.#shard.sql;
  }

  get<T>(part: Part<T>): T {
    const base = this.#shard.get(part);
    const { inStep } = part;
    return inStep === null ? base : this.scratch(part, () => inStep(base, this));
  }

  /** The soonest time at which this step wants the alarm, epoch milliseconds; infinite when it wants none. */
  get alarmBy(): number {
    return this.#pad.alarmBy;
  }

  /** What `owner` remembers of this step alone. Made when it is first asked for. */
  scratch<T>(owner: object, make: () => T): T {
    const { byOwner } = this.#pad;
    const known = byOwner.get(owner) as T | undefined;
    if (known !== undefined) return known;
    const fresh = make();
    byOwner.set(owner, fresh);
    return fresh;
  }

  /** The alarm must not fire later than `at` (epoch milliseconds; null changes nothing). */
  wakeAt(at: number | null): void {
    if (at !== null && at < this.#pad.alarmBy) this.#pad.alarmBy = at;
  }

  onCommit(effect: () => void): void {
    this.#pad.committed.push(effect);
  }

  /**
   * `effect` runs when the command is done, and may still change rows of jobs. It may run more than once (`runDeferred`), and
   * then does what has been put off since.
   */
  beforeRecords(effect: () => void): void {
    this.#pad.settling.push(effect);
  }

  /** `effect` writes down what the step has done, when no row of a job changes any more. */
  beforeCommit(effect: () => void): void {
    this.#pad.recording.push(effect);
  }

  /** Those who wait for `key` are woken when the step has committed: all, or the `most` that came last. */
  wake(key: string, most = Number.POSITIVE_INFINITY): void {
    this.#pad.woken.set(key, Math.max(most, this.#pad.woken.get(key) ?? 0));
  }

  /** What is to be woken, and how many of those who wait for it at most. */
  get woken(): Iterable<[key: string, most: number]> {
    return this.#pad.woken;
  }

  /**
   * Runs `trial` and keeps what it did when `keeps` says so of its answer; else all of it is undone, in the rows and in the
   * step alike, and only the answer is left. It comes first in its step: nothing that an earlier part of the step
   * remembers could be undone with it.
   */
  attempt<T>(trial: (step: Step) => T, keeps: (answer: T) => boolean): T {
    if (!this.#pad.isEmpty) throw new Error("an attempt comes first in its step");
    const inner = new Step(this.#shard, this);
    let undone: { answer: T } | null = null;
    try {
      return this.sql.transaction(() => {
        const answer = trial(inner);
        if (!keeps(answer)) {
          undone = { answer };
          throw UNDO;
        }
        // From here on both are one: what the trial put off is done when this step ends.
        this.#pad = inner.#pad;
        return answer;
      });
    } catch (error) {
      if (error !== UNDO || undone === null) throw error;
      return (undone as { answer: T }).answer;
    }
  }

  /** What is put off to the end of the step and may change rows of jobs happens now, as far as there is anything to do yet. */
  runDeferred(): void {
    for (const effect of this.#pad.settling) effect();
  }

  /** The last writes of the step. */
  finish(): void {
    this.runDeferred();
    for (const effect of this.#pad.recording.splice(0)) effect();
  }

  /** The transaction has committed: memory follows the rows. */
  commit(): void {
    for (const effect of this.#pad.committed) effect();
  }
}
