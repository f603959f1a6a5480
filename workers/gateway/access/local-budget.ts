import { bucketWith, partOf, type Quota, spend, unitsLeft, waitFor } from "../../../domain/gcra.ts";

/**
 * Up to this part of a budget an isolate lets through in a window without asking anybody, and reports it later. A caller of one
 * request a second never waits for an object that way.
 */
const FREE_SHARE = 1 / 1_000;
/** The same while the object that keeps the budget does not answer; one unit at least. */
const AWAY_SHARE = 1 / 10;

/** Spends of one budget: whole units at a time, epoch ms. */
export interface Spend {
  units: number;
  now: number;
}

/** What one isolate knows of one budget, a key's or a namespace's, and what it has let through by itself. */
export class LocalBudget {
  /**
   * What is known to be spent, as `domain/gcra.ts` has it: as the object said, and what was let through here since without having been
   * granted. What was granted is spent, as it is to the object, though it may still lie in a chunk.
   */
  #spent = 0;
  /** What was let through without being asked for. */
  #free = 0;
  #away = 0;
  #lastAt = 0;

  /** Units left, as far as is known here: none below zero. */
  left(quota: Quota, now: number): number {
    this.#alignToClock(now);
    return Math.max(0, unitsLeft(this.#spent, quota, now));
  }

  /** Milliseconds until so many units are left, as far as is known here. */
  waitFor(quota: Quota, { units, now }: Spend): number {
    this.#alignToClock(now);
    return waitFor(this.#spent, quota, { units, now });
  }

  #spend(quota: Quota, { units, now }: Spend): void {
    this.#alignToClock(now);
    this.#spent = spend(this.#spent, quota, { units, now });
  }

  /** The object says how much is left. */
  told(left: number, quota: Quota, now: number): void {
    this.#alignToClock(now);
    this.#spent = bucketWith(left, quota, now);
  }

  /** Units that may be let through without asking. */
  freeLeft(quota: Quota, now: number): number {
    this.#alignToClock(now);
    const free = partOf(quota, FREE_SHARE, 0);
    return free.units === 0 ? 0 : unitsLeft(this.#free, free, now);
  }

  spendFree(quota: Quota, { units, now }: Spend): void {
    this.#free = spend(this.#free, partOf(quota, FREE_SHARE, 1), { units, now });
    this.#spend(quota, { units, now });
  }

  /** Whether so many units may be let through while nobody can be asked; as many as there ever are do for more. */
  mayAway(quota: Quota, { units, now }: Spend): boolean {
    this.#alignToClock(now);
    const away = partOf(quota, AWAY_SHARE, 1);
    return unitsLeft(this.#away, away, now) >= Math.min(units, away.units);
  }

  /** Units that may be let through while nobody can be asked. */
  awayLeft(quota: Quota, now: number): number {
    this.#alignToClock(now);
    return Math.max(0, unitsLeft(this.#away, partOf(quota, AWAY_SHARE, 1), now));
  }

  /** Milliseconds until `mayAway` lets so many units through. */
  waitAway(quota: Quota, { units, now }: Spend): number {
    this.#alignToClock(now);
    const away = partOf(quota, AWAY_SHARE, 1);
    return waitFor(this.#away, away, { units: Math.min(units, away.units), now });
  }

  spendAway(quota: Quota, { units, now }: Spend): void {
    this.#away = spend(this.#away, partOf(quota, AWAY_SHARE, 1), { units, now });
    this.#spend(quota, { units, now });
  }

  /** Where the clock has stepped back, what is known steps back with it. */
  #alignToClock(now: number): void {
    const back = this.#lastAt - now;
    this.#lastAt = now;
    if (back <= 0) return;
    this.#spent -= back;
    this.#free -= back;
    this.#away -= back;
  }
}
