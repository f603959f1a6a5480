import type { Signer } from "../access/signing.ts";
import { Refusal } from "../http/refusal.ts";

const PURPOSE = "bookmark";

/** A point in time up to which the bearer has seen: epoch milliseconds. */
interface Bookmark {
  v: 1;
  at: number;
}

/**
 * Hands out bookmarks. Only strong reads are served, which see every bookmark there is, so one signature serves all
 * answers of a second: `at` is the second's end.
 */
export class Bookmarks {
  readonly #signer: Signer;
  #latest = { at: 0, token: "" };

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  async current(now: number): Promise<string> {
    const at = Math.floor(now / 1000) * 1000 + 1000;
    if (this.#latest.at === at) return this.#latest.token;
    const bookmark: Bookmark = { v: 1, at };
    const token = await this.#signer.sign(PURPOSE, bookmark);
    this.#latest = { at, token };
    return token;
  }

  /** Refuses (400) a bookmark that was not made here. */
  async check(token: string | undefined): Promise<void> {
    if (token === undefined) return;
    if ((await this.#signer.open(PURPOSE, token)) === null) {
      throw new Refusal("invalid-request", "The bookmark is not one of ours.");
    }
  }
}
