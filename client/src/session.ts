import type { DureError } from "./error.ts";
import { MAX_BOOKMARKS } from "./generated/limits.ts";

/**
 * The bookmarks that together say what this client has seen. An answer's bookmark knows all that its request sent, so
 * calls that come one after the other leave one. Calls that overlap leave several, until the next goes with all of them.
 */
export class Session {
  #bookmarks: readonly string[] = [];

  /** What the next call sends. */
  get sent(): readonly string[] {
    return this.#bookmarks.slice(0, MAX_BOOKMARKS);
  }

  /** More was seen than one call can say: a read that must not fall behind it has to be strong. */
  get overflows(): boolean {
    return this.#bookmarks.length > MAX_BOOKMARKS;
  }

  /** A call that sent these was answered with `bookmark`, which stands for them from now on. */
  answered(sent: readonly string[], bookmark: string | null): void {
    if (bookmark === null) return;
    this.#bookmarks = [...this.#bookmarks.filter((kept) => kept !== bookmark && !sent.includes(kept)), bookmark];
  }

  /**
   * Forgets bookmarks that the server does not take any more, and says whether it was for them that it refused: nothing
   * was done then. So the session begins anew when the server's root key was replaced.
   */
  refused(sent: readonly string[], { status, problem }: DureError): boolean {
    const faulty = status === 400 && problem.errors?.some(({ pointer }) => pointer === "/dure-bookmark") === true;
    if (!faulty || sent.length === 0) return false;
    this.#bookmarks = this.#bookmarks.filter((kept) => !sent.includes(kept));
    return true;
  }
}
