/** Who was given something takes it up in its next turn: one that has not done so by then has ended, and nothing of it runs any more. */
const GONE_MS = 1_000;

interface Item {
  readonly at: number;
  undo(): void;
}

/**
 * What was given to those who waited, until they take it up. An invocation may have ended while it waited, without a word: what it is given
 * then nobody would ever give back.
 */
export class HandedOver {
  readonly #items = new Set<Item>();

  /** Something is given at `now`. Answers the way to take it up: false, where it was undone before. */
  give(undo: () => void, now: number): () => boolean {
    const item: Item = { at: now, undo };
    this.#items.add(item);
    return () => this.#items.delete(item);
  }

  /** Undoes what was not taken up. A clock that stepped back must keep nothing for longer. */
  reclaim(now: number): void {
    for (const item of [...this.#items]) {
      if (Math.abs(now - item.at) >= GONE_MS && this.#items.delete(item)) item.undo();
    }
  }
}
