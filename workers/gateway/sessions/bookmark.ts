import { MAX_BOOKMARKS } from "../../../contract/limits.ts";
import { allOf, invalid, isProblem, type Problem, type Result } from "../../../contract/problems.ts";
import { EMPTY_VECTOR, fitted, merged, type VersionVector } from "../../../domain/version-vector.ts";
import type { Signer } from "../access/signing.ts";
import { ExpiringMap } from "../expiring-map.ts";

/** A bookmark before it is encrypted, for one namespace. `rest` is left out where it is 0, as it mostly is. */
interface Bookmark extends Omit<VersionVector, "rest"> {
  v: typeof VERSION;
  rest?: number;
}

const VERSION = 1;

/** A token of 4096 characters holds 3044 bytes beside IV and tag: about a hundred shards by name. */
const MAX_JSON = 3000;
/** Making and opening take longer than looking up: most readers come back with what they were given. */
const KEPT_MS = 60_000;
const KEPT = 2000;

/** Writes and reads bookmarks: what a reader has seen, encrypted. One an isolate. */
export class Bookmarks {
  readonly #signer: Signer;
  readonly #tokens = new ExpiringMap<string>(KEPT_MS, KEPT);
  readonly #opened = new ExpiringMap<VersionVector>(KEPT_MS, KEPT);

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** A bookmark of what was seen, 4096 characters at most. The same for the same, so that it is made once. */
  async write(namespace: string, vector: VersionVector, now: number): Promise<string> {
    const { d1, shards, rest } = fitted(vector, MAX_JSON);
    const bookmark: Bookmark = { v: VERSION, d1, shards, ...(rest === 0 ? {} : { rest }) };
    const key = `${namespace} ${JSON.stringify(bookmark)}`;
    const known = this.#tokens.get(key, now);
    if (known !== undefined) return known;
    const token = await this.#signer.sign(purpose(namespace), bookmark);
    this.#tokens.set(key, token, now);
    this.#opened.set(`${namespace} ${token}`, { d1, shards, rest }, now);
    return token;
  }

  /**
   * What the bearer of a `Dure-Bookmark` header has seen: of several bookmarks, separated by commas, all of it. Refuses
   * (400) what was not written here for this namespace.
   */
  async read(namespace: string, header: string | undefined, now: number): Promise<Result<VersionVector>> {
    if (header === undefined) return EMPTY_VECTOR;
    const tokens = header.split(",").map((token) => token.trim());
    if (tokens.length > MAX_BOOKMARKS) return refused(`has more than ${MAX_BOOKMARKS} bookmarks`);
    const vectors = allOf(await Promise.all(tokens.map((token) => this.#open(namespace, token, now))));
    return isProblem(vectors) ? vectors : vectors.reduce(merged);
  }

  async #open(namespace: string, token: string, now: number): Promise<Result<VersionVector>> {
    const key = `${namespace} ${token}`;
    const known = this.#opened.get(key, now);
    if (known !== undefined) return known;
    const value = await this.#signer.open(purpose(namespace), token);
    if (value === null) return refused("is not a bookmark of this namespace");
    const { d1, shards, rest = 0 } = value as Bookmark;
    const vector = { d1, shards, rest };
    this.#opened.set(key, vector, now);
    return vector;
  }
}

/**
 * A bookmark says when the shards last finished a job, of whatever namespace: another namespace's is none, and neither is one
 * of another version.
 */
function purpose(namespace: string): string {
  return `bookmark:${VERSION}:${namespace}`;
}

function refused(detail: string): Problem {
  return invalid.header("Dure-Bookmark", detail);
}
