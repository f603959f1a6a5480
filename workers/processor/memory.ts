/** What the texts of jobs in hand may take of an isolate's 128 MB, in bytes: all invocations share it, beside code and what RPC copies. */
const MAX_BYTES = 48 * 1024 * 1024;
/** The most that one claim can bring, and the least that it is given: any one job fits into that. */
const MOST_A_CLAIM = 26 * 1024 * 1024;
const LEAST_A_CLAIM = 2 * 1024 * 1024;
/** Text takes two bytes a code unit here at most, and one byte of UTF-8 at least where it comes from. */
const BYTES_A_UNIT = 2;

/**
 * The memory of an isolate that texts of jobs take: what is in hand, and what claims under way may bring. It is a budget and no
 * lock: with nothing left a loop that has nothing in hand still claims a little, so that all of them go on.
 */
export class Memory {
  readonly #max: number;
  #used = 0;

  constructor(max = MAX_BYTES) {
    this.#max = max;
  }

  /** In bytes. */
  get used(): number {
    return this.#used;
  }

  /** Takes as many bytes as a claim may bring now, until they are given back; 0: none. `little`: no more than it has to be. */
  reserve({ little, atLeastSome }: { little: boolean; atLeastSome: boolean }): number {
    const free = Math.min(little ? LEAST_A_CLAIM : MOST_A_CLAIM, this.#max - this.#used);
    const bytes = free >= LEAST_A_CLAIM ? free : atLeastSome ? LEAST_A_CLAIM : 0;
    this.#used += bytes;
    return bytes;
  }

  /** How many bytes of UTF-8 fit into so many here. */
  static utf8(bytes: number): number {
    return Math.floor(bytes / BYTES_A_UNIT);
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }

  /** A text of so many code units is in hand, or no more (a negative number). */
  hold(units: number): void {
    this.#used += units * BYTES_A_UNIT;
  }
}
