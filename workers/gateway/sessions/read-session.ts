import type { LogPosition } from "../../../contract/rpc.ts";
import {
  EMPTY_VECTOR,
  laterBookmark,
  merged,
  seqIn,
  UNKNOWN,
  type VersionVector,
  withSeq,
} from "../../../domain/version-vector.ts";
import type { Db } from "../../db/client.ts";
import type { HistorySessions } from "../../db/sessions.ts";

/**
 * What one request has seen, and its way to history. It begins with what its bookmark says, hears every answer of a
 * shard, and becomes the bookmark of the answer. One a request.
 */
export class ReadSession {
  readonly #open: () => HistorySessions;
  #opened: HistorySessions | null = null;
  readonly #before: VersionVector;
  #vector: VersionVector;
  /** Without what was seen before. */
  #own = EMPTY_VECTOR;
  #touched = false;

  constructor(open: () => HistorySessions, before: VersionVector) {
    this.#open = open;
    this.#before = before;
    this.#vector = before;
  }

  /** Whether the request read or wrote jobs, so that its answer has a bookmark. */
  get touched(): boolean {
    return this.#touched;
  }

  touch(): void {
    this.#touched = true;
  }

  /** `shard` has answered, and its log was as far as `log` then: whatever the answer told, it may have known all of that. */
  heard(shard: string, { seq }: Pick<LogPosition, "seq">): void {
    this.touch();
    this.#vector = withSeq(this.#vector, shard, seq);
    this.#own = withSeq(this.#own, shard, seq);
  }

  /** What is told comes from an earlier answer, which saw this. */
  include(vector: VersionVector): void {
    this.touch();
    this.#vector = merged(this.#vector, vector);
  }

  /** Jobs were deleted by the dozen, and nobody says by when: shards are asked until each has told how far it is. */
  invalidate(): void {
    this.touch();
    this.#vector = { ...this.#vector, shards: {}, rest: UNKNOWN };
  }

  /** How far a copy of history must be with `shard` to be as new as what was seen before this request. */
  seqOf(shard: string): number {
    return seqIn(this.#before, shard);
  }

  /** History as it is. */
  primary<T>(read: (db: Db) => Promise<T>): Promise<T> {
    this.touch();
    return this.#history().primary(read);
  }

  /** The nearest copy of history that is not older than one that was seen before, nor than `bookmark`. */
  nearest<T>(read: (db: Db) => Promise<T>, bookmark: string | null = null): Promise<T> {
    this.touch();
    return this.#history().nearest(laterBookmark(this.#before.d1, bookmark), read);
  }

  /** The nearest copy of history, however old. */
  any<T>(read: (db: Db) => Promise<T>): Promise<T> {
    this.touch();
    return this.#history().nearest(null, read);
  }

  /** Everything that was seen by now. */
  vector(): VersionVector {
    return this.#withHistory(this.#vector);
  }

  /** What this request saw itself: of its answer, whoever is told it. */
  ownVector(): VersionVector {
    return this.#withHistory(this.#own);
  }

  /** Opened by the first who reads it: most requests never do. */
  #history(): HistorySessions {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  #withHistory(vector: VersionVector): VersionVector {
    return { ...vector, d1: laterBookmark(vector.d1, this.#opened?.newest ?? null) };
  }
}
