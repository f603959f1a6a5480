import { laterBookmark } from "../../domain/version-vector.ts";
import { type Db, over } from "./client.ts";
import type { RetryD1 } from "./retry.ts";

/**
 * D1 as one reader reads it, each time through a session of its own (docs: D1, Read replication): the primary, or
 * whatever copy is nearest and as far as the reader asks.
 */
export class HistorySessions {
  readonly #database: D1Database;
  readonly #retryD1: RetryD1;
  #newest: string | null = null;

  constructor(database: D1Database, retryD1: RetryD1) {
    this.#database = database;
    this.#retryD1 = retryD1;
  }

  /** Bookmark of the newest state that a read was answered from; null before the first, and where D1 gives none. */
  get newest(): string | null {
    return this.#newest;
  }

  /**
   * As the primary has it: with every write that was answered before. Done again when it fails in passing. Each statement has
   * a session of its own: of one only the first is the primary's.
   */
  primary<T>(read: (db: Db) => Promise<T>): Promise<T> {
    return this.#retryD1(async () => {
      const opened: D1DatabaseSession[] = [];
      const open = () => {
        const session = this.#database.withSession("first-primary");
        opened.push(session);
        return session;
      };
      const found = await read(
        over({ prepare: (query) => open().prepare(query), batch: (statements) => open().batch(statements) }),
      );
      for (const session of opened) this.#newest = laterBookmark(this.#newest, session.getBookmark());
      return found;
    });
  }

  /**
   * As the nearest copy has it: no older than `bookmark`, or as old as it may be where that is null. Tried once: there
   * is always somebody else to ask.
   */
  nearest<T>(bookmark: string | null, read: (db: Db) => Promise<T>): Promise<T> {
    return this.#read(bookmark ?? "first-unconstrained", read);
  }

  async #read<T>(constraint: string, read: (db: Db) => Promise<T>): Promise<T> {
    const session = this.#database.withSession(constraint);
    const found = await read(over(session));
    this.#newest = laterBookmark(this.#newest, session.getBookmark());
    return found;
  }
}
