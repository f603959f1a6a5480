import { SCOPES, type Scope } from "../../../contract/admin.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import { isProblem, type Result, unavailable } from "../../../contract/problems.ts";
import { primary } from "../../db/client.ts";
import { findKey, type KeyRow } from "../../db/keys.ts";
import { findNamespace } from "../../db/namespaces.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { log, reasonOf } from "../log.ts";
import { sameText } from "./signing.ts";
import { keyIdOf } from "./token.ts";

/** Who is asking. `root` may name a namespace and make others. */
export interface Caller {
  keyId: string;
  namespace: string;
  scopes: ReadonlySet<Scope>;
  root: boolean;
}

interface CachedKey {
  caller: Caller;
  expiresAt: number | null;
}

/** A revocation acts everywhere within 5 s: what is known of a key, from before it was read, is kept for less. */
const KNOWN_MS = 4000;
/**
 * While D1 is away a key that was good is taken for good still: nobody can revoke one either, since that is a write to
 * D1, and jobs can go on being submitted. Forgotten as soon as D1 says otherwise.
 */
const OUTAGE_MS = 600_000;
const DEFAULT_NAMESPACE = "default";

/** Knows API keys. Keeps verdicts for good tokens only, so a flood of bad ones cannot push those out. */
export class Authenticator {
  readonly #known = new ExpiringMap<CachedKey>(KNOWN_MS, 10_000);
  readonly #knownInOutage = new ExpiringMap<CachedKey>(OUTAGE_MS, 10_000);
  readonly #namespaces = new ExpiringMap<true>(KNOWN_MS, 10_000);
  readonly #database: D1Database;
  readonly #rootKey: string;
  #rootHash: string | null = null;

  constructor(database: D1Database, rootKey: string) {
    this.#database = database;
    this.#rootKey = rootKey;
  }

  /** The caller, or null when the token is not a working key. A 503 problem when that cannot be found out. */
  async identify(token: string, now: number): Promise<Result<Caller | null>> {
    const known = this.#known.get(token, now) ?? (await this.#look(token, now));
    if (isProblem(known)) return known;
    if (known === null || (known.expiresAt !== null && known.expiresAt <= now)) return null;
    return known.caller;
  }

  /** Forgets every verdict about a key, so that a revocation acts in this isolate at once. */
  forget(keyId: string): void {
    this.#known.deleteWhere((known) => known.caller.keyId === keyId);
    this.#knownInOutage.deleteWhere((known) => known.caller.keyId === keyId);
  }

  /** Forgets every verdict about a namespace and its keys, so that its deletion acts in this isolate at once. */
  forgetNamespace(name: string): void {
    this.#namespaces.delete(name);
    this.#known.deleteWhere((known) => known.caller.namespace === name && !known.caller.root);
    this.#knownInOutage.deleteWhere((known) => known.caller.namespace === name && !known.caller.root);
  }

  /** Whether the namespace exists, and is not being deleted. `default` always does. */
  async namespaceExists(name: string, now: number): Promise<Result<boolean>> {
    if (name === DEFAULT_NAMESPACE || this.#namespaces.get(name, now)) return true;
    const row = await orUnavailable(() => findNamespace(primary(this.#database), name));
    if (isProblem(row)) return row;
    const lives = row !== null && row.deletingAt === null;
    if (lives) this.#namespaces.set(name, true, now);
    return lives;
  }

  async #look(token: string, now: number): Promise<Result<CachedKey | null>> {
    const hash = await sha256Hex(token);
    this.#rootHash ??= await sha256Hex(this.#rootKey);
    const known = sameText(hash, this.#rootHash) ? ROOT : await this.#lookUp(token, hash, now);
    if (known !== null && !isProblem(known)) this.#known.set(token, known, now);
    return known;
  }

  async #lookUp(token: string, hash: string, now: number): Promise<Result<CachedKey | null>> {
    const known = await this.#read(token, hash);
    if (isProblem(known)) return this.#knownInOutage.get(token, now) ?? known;
    if (known === null) this.#knownInOutage.delete(token);
    else this.#knownInOutage.set(token, known, now);
    return known;
  }

  async #read(token: string, hash: string): Promise<Result<CachedKey | null>> {
    const keyId = keyIdOf(token);
    if (keyId === null) return null;
    const row = await orUnavailable(() => findKey(primary(this.#database), keyId));
    if (isProblem(row)) return row;
    if (row === null || row.revokedAt !== null || !sameText(row.hash, hash)) return null;
    return toKnown(row);
  }
}

const ROOT: CachedKey = {
  caller: { keyId: "root", namespace: DEFAULT_NAMESPACE, scopes: new Set(SCOPES), root: true },
  expiresAt: null,
};

function toKnown(row: KeyRow): CachedKey {
  const scopes = scopesOf(row.scopes);
  return { caller: { keyId: row.id, namespace: row.namespace, scopes, root: false }, expiresAt: row.expiresAt };
}

/** The scopes that these names give: `admin` implies the others. */
export function scopesOf(names: readonly string[]): ReadonlySet<Scope> {
  const named = new Set(names);
  return new Set(SCOPES.filter((scope) => named.has(scope) || named.has("admin")));
}

/** A key that was never seen cannot be judged without the database. */
async function orUnavailable<T>(read: () => Promise<T>): Promise<Result<T>> {
  try {
    return await read();
  } catch (error) {
    log("error", "auth-database", { reason: reasonOf(error) });
    return unavailable.because("API keys cannot be checked right now.");
  }
}

/** The token of `Authorization: Bearer <token>`, or null. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined ? null : (/^bearer +([^\s]{1,512})$/i.exec(header.trim())?.[1] ?? null);
}
