import { SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import { FACTS, type Facts } from "./facts.ts";
import { Part } from "./part.ts";

/** Sequence numbers are reserved for this long ahead, so that they cost a row every ten seconds. */
const BLOCK = 10_000 * SEQUENCE_PER_MS;
const KEY = "sequence";

/**
 * The numbers that a shard gives: to jobs in the order of their acceptance, and to what it logs. They grow for ever, over
 * restarts too. A step has a view of its own: what it took is taken when it has committed.
 */
export class Sequence {
  readonly #facts: Facts;
  #last: number;
  /** Numbers up to here are reserved in the rows. */
  #ceiling: number;

  constructor(facts: Facts, last: number, ceiling: number) {
    this.#facts = facts;
    this.#last = last;
    this.#ceiling = ceiling;
  }

  /** As the rows have it: numbers of a block that a crash cut short are skipped. */
  static load(facts: Facts): Sequence {
    const ceiling = Number(facts.read(KEY) ?? 0);
    return new Sequence(facts, ceiling, ceiling);
  }

  /**
   * A number above every earlier one: the microseconds of `now` (epoch milliseconds) where that is above, so that the
   * difference of two tells how long lay between them. 1 row every ten seconds.
   */
  next(now: number): number {
    this.#last = Math.max(this.#last + 1, now * SEQUENCE_PER_MS);
    this.#reserve();
    return this.#last;
  }

  /** Every later number is above `to`: rows with numbers of another shard have come. */
  raise(to: number): void {
    if (to <= this.#last) return;
    this.#last = to;
    this.#reserve();
  }

  /** A sequence that goes on from this one, for a step to take from. */
  fork(): Sequence {
    return new Sequence(this.#facts, this.#last, this.#ceiling);
  }

  /** Goes on from `fork`, whose step has committed. */
  join(fork: Sequence): void {
    this.#last = fork.#last;
    this.#ceiling = fork.#ceiling;
  }

  #reserve(): void {
    if (this.#last <= this.#ceiling) return;
    this.#ceiling = this.#last + BLOCK;
    this.#facts.write(KEY, String(this.#ceiling));
  }
}

export const SEQUENCE = new Part(
  "sequence",
  (shard) => Sequence.load(shard.get(FACTS)),
  (base, step) => {
    const fork = base.fork();
    step.onCommit(() => base.join(fork));
    return fork;
  },
);
