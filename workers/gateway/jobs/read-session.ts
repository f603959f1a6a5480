import type { Told } from "../../../contract/rpc.ts";
import { laterBookmark, merged, NOTHING_SEEN, type Seen, seqSeen, UNKNOWN, withSeq } from "../../../domain/seen.ts";
import type { Db } from "../../db/client.ts";
import type { HistorySessions } from "../../db/sessions.ts";

/**
 * What one request has seen, and its way to history. It begins with what its bookmark says, hears every answer of a
 * shard, and becomes the bookmark of the answer. One a request.
 */
export class ReadSession {
  readonly #history: HistorySessions;
  readonly #before: Seen;
  #seen: Seen;
  /** Without what was seen before. */
  #own = NOTHING_SEEN;
  #touched = false;

  constructor(history: HistorySessions, before: Seen) {
    this.#history = history;
    this.#before = before;
    this.#seen = before;
  }

  /** Whether the request read or wrote jobs, so that its answer has a bookmark. */
  get touched(): boolean {
    return this.#touched;
  }

  touch(): void {
    this.#touched = true;
  }

  /** An answer of `shard`. Those that tell nothing of jobs that may be over are passed over. */
  heard(shard: string, reply: unknown): void {
    if (!tells(reply)) return;
    this.touch();
    this.#seen = withSeq(this.#seen, shard, reply.seq ?? null);
    this.#own = withSeq(this.#own, shard, reply.seq ?? null);
  }

  /** What is told comes from an earlier answer, which saw this. */
  alsoSaw(seen: Seen): void {
    this.touch();
    this.#seen = merged(this.#seen, seen);
  }

  /** Jobs were deleted by the dozen, and nobody says by when: shards are asked until each has told how far it is. */
  distrust(): void {
    this.touch();
    this.#seen = { ...this.#seen, shards: {}, rest: UNKNOWN };
  }

  /** How far a copy of history must be with `shard` to be as new as what was seen before this request. */
  seqOf(shard: string): number {
    return seqSeen(this.#before, shard);
  }

  /** History as it is. */
  primary<T>(read: (db: Db) => Promise<T>): Promise<T> {
    this.touch();
    return this.#history.primary(read);
  }

  /** The nearest copy of history that is not older than one that was seen before, nor than `bookmark`. */
  nearest<T>(read: (db: Db) => Promise<T>, bookmark: string | null = null): Promise<T> {
    this.touch();
    return this.#history.nearest(laterBookmark(this.#before.d1, bookmark), read);
  }

  /** The nearest copy of history, however old. */
  any<T>(read: (db: Db) => Promise<T>): Promise<T> {
    this.touch();
    return this.#history.nearest(null, read);
  }

  /** Everything that was seen by now. */
  seen(): Seen {
    return this.#withHistory(this.#seen);
  }

  /** What this request saw itself: of its answer, whoever is told it. */
  seenHere(): Seen {
    return this.#withHistory(this.#own);
  }

  #withHistory(seen: Seen): Seen {
    return merged(seen, { ...NOTHING_SEEN, d1: this.#history.newest });
  }
}

/** The replies that carry `Told`. */
const TELLING: ReadonlySet<unknown> = new Set([
  "job",
  "none",
  "gone",
  "conflict",
  "explained",
  "page",
  "submitted",
  "reported",
]);

function tells(reply: unknown): reply is Told {
  return typeof reply === "object" && reply !== null && "type" in reply && TELLING.has(reply.type);
}
