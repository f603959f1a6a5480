import { MAX_BOOKMARKS } from "../../../contract/limits.ts";
import { fitted, merged, NOTHING_SEEN, type Seen, UNKNOWN } from "../../../domain/seen.ts";
import type { Signer } from "../access/signing.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { Refusal } from "../http/refusal.ts";

/** A bookmark as it is signed, for one namespace. Version 1 was a time, from when every read was strong. */
interface Bookmark extends Omit<Seen, "rest"> {
  v: 2;
  rest?: number;
}

/** A signed token of 4096 characters holds 3050 bytes beside its tag: about a hundred shards by name. */
const MAX_JSON = 3000;
/** Signing and checking take longer than looking up: most readers come back with what they were given. */
const KEPT_MS = 60_000;
const KEPT = 2000;

/** Writes and reads bookmarks: what a reader has seen, under a signature. One an isolate. */
export class Bookmarks {
  readonly #signer: Signer;
  readonly #tokens = new ExpiringMap<string>(KEPT_MS, KEPT);
  readonly #opened = new ExpiringMap<Seen>(KEPT_MS, KEPT);

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** A bookmark of what was seen, 4096 characters at most. The same for the same, so that it is only signed once. */
  async write(namespace: string, seen: Seen, now: number): Promise<string> {
    const { d1, shards, rest } = fitted(seen, MAX_JSON);
    const bookmark: Bookmark = { v: 2, d1, shards, ...(rest === 0 ? {} : { rest }) };
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
  async read(namespace: string, header: string | undefined, now: number): Promise<Seen> {
    if (header === undefined) return NOTHING_SEEN;
    const tokens = header.split(",").map((token) => token.trim());
    if (tokens.length > MAX_BOOKMARKS) throw refused(`has more than ${MAX_BOOKMARKS} bookmarks`);
    const seen = await Promise.all(tokens.map((token) => this.#open(namespace, token, now)));
    return seen.reduce(merged);
  }

  async #open(namespace: string, token: string, now: number): Promise<Seen> {
    const key = `${namespace} ${token}`;
    const known = this.#opened.get(key, now);
    if (known !== undefined) return known;
    const value = (await this.#signer.open(purpose(namespace), token)) ?? (await this.#signer.open(EARLIER, token));
    if (value === null) throw refused("is not a bookmark of this namespace");
    const seen = seenIn(value);
    this.#opened.set(key, seen, now);
    return seen;
  }
}

/** What version 1 was signed for. */
const EARLIER = "bookmark";

/** A bookmark says when the shards last finished a job, of whatever namespace: another namespace's is none. */
function purpose(namespace: string): string {
  return `bookmark:${namespace}`;
}

/** Of a bookmark of another version only that something was seen is known: its reads are strong until they know more. */
function seenIn(value: unknown): Seen {
  const { v, d1, shards, rest = 0 } = value as Partial<Bookmark>;
  if (v !== 2 || d1 === undefined || shards === undefined) return { ...NOTHING_SEEN, rest: UNKNOWN };
  return { d1, shards, rest };
}

function refused(detail: string): Refusal {
  return new Refusal("invalid-request", "The bookmark is not one of ours.", {
    errors: [{ pointer: "/dure-bookmark", detail }],
  });
}
