import { SCOPES, type Scope } from "../../../contract/admin.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import { access, isProblem, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { RevokedKey } from "../../../contract/rpc.ts";
import { primary } from "../../db/client.ts";
import { type FoundKey, findKey } from "../../db/keys.ts";
import { findNamespace, rateLimitOf } from "../../db/namespaces.ts";
import { LATE, within } from "../deadline.ts";
import { ExpiringMap } from "../expiring-map.ts";
import { log, reasonOf } from "../log.ts";
import type { LookUpBudget } from "./rate-limit.ts";
import type { RecentRevocations } from "./revocations.ts";
import { sameText } from "./signing.ts";
import type { TokenSeal } from "./token.ts";

/** Who is asking. `root` may name a namespace and make others. */
export interface Caller {
  /** An API key, the root key, or the props of a service binding. */
  kind: "key" | "root" | "binding";
  keyId: string;
  namespace: string;
  scopes: ReadonlySet<Scope>;
  root: boolean;
  /** When the key ends, epoch ms; null where it does not. */
  expiresAt: number | null;
  /** The keys above an API key, the one that made it last. */
  ancestors: readonly string[];
  /** What all keys of the namespace may spend together, in units of 10 s; null: no limit, or nobody's. */
  rateLimit: number | null;
}

/** What is to be known of a namespace before anything is done in it. */
export type KnownNamespace = Pick<Caller, "rateLimit">;

/** A key that D1 said to work, at `confirmedAt`. */
interface BelievedKey {
  caller: Caller;
  confirmedAt: number;
}

/** A revocation acts everywhere within 5 s: what is known of a key, from before it was read, is kept for less. */
const KNOWN_MS = 4000;
/** A token that was refused is refused again without asking. */
const REFUSED_MS = 5000;
/** D1 answers in milliseconds: after this it counts as away. */
const DATABASE_MS = 3000;
/**
 * While D1 is away a key that was good is taken for good as long as the Directory knows of no revocation since: jobs can go
 * on being submitted. Less than the Directory remembers revocations.
 */
const OUTAGE_MS = 600_000;
/** The same while the Directory is away too: with what is known for 4 s after, a minute. */
const ALONE_MS = 60_000 - KNOWN_MS;
const DEFAULT_NAMESPACE = "default";

/** Where keys are known, and by what tokens are. */
export interface AuthPorts {
  database: D1Database;
  revocations: RecentRevocations;
  seal: TokenSeal;
  /** Whole tokens. `previous` is taken as well, while there is one. */
  rootKeys: { current: string; previous: string | null };
}

/** One look at a token. */
interface Look {
  token: string;
  /** The SHA-256 of the token. */
  hash: string;
  now: number;
  budget: LookUpBudget | null;
}

/**
 * Knows API keys. What is good, what was refused and what was good before are kept apart, so that a flood of bad tokens
 * pushes no good one out.
 */
export class Authenticator {
  readonly #known: ExpiringMap<Caller>;
  readonly #refused: ExpiringMap<true>;
  readonly #believed: ExpiringMap<BelievedKey>;
  readonly #namespaces: ExpiringMap<KnownNamespace>;
  readonly #ports: AuthPorts;
  #roots: { hash: string; caller: Caller }[] | null = null;

  /** `room`: how many of each it keeps. */
  constructor(ports: AuthPorts, room = 10_000) {
    this.#ports = ports;
    this.#known = new ExpiringMap(KNOWN_MS, room);
    this.#refused = new ExpiringMap(REFUSED_MS, room);
    this.#believed = new ExpiringMap(OUTAGE_MS, room);
    this.#namespaces = new ExpiringMap(KNOWN_MS, room);
  }

  /**
   * The caller, or null when the token is not a working key. A 503 problem when that cannot be found out, 429 when `budget`
   * has no look-up left for a token that nothing speaks for.
   */
  async identify(token: string, now: number, budget: LookUpBudget | null = null): Promise<Result<Caller | null>> {
    const known = this.#known.get(token, now) ?? (await this.#look(token, now, budget));
    if (known === null || isProblem(known)) return known;
    return known.expiresAt !== null && known.expiresAt <= now ? null : known;
  }

  /** Forgets every verdict about a key and what it made, so that a revocation acts in this isolate at once. */
  forget(key: RevokedKey): void {
    const isGone = ({ namespace, keyId, ancestors }: Caller) =>
      namespace === key.namespace && (keyId === key.keyId || ancestors.includes(key.keyId));
    this.#known.deleteWhere(isGone);
    this.#believed.deleteWhere(({ caller }) => isGone(caller));
  }

  /** Forgets every verdict about a namespace and its keys, so that its deletion acts in this isolate at once. */
  forgetNamespace(name: string): void {
    this.#namespaces.delete(name);
    const isOf = ({ namespace, root }: Caller) => namespace === name && !root;
    this.#known.deleteWhere(isOf);
    this.#believed.deleteWhere(({ caller }) => isOf(caller));
  }

  /** Whether the namespace exists, and is not being deleted. `default` always does. */
  async namespaceExists(name: string, now: number): Promise<Result<boolean>> {
    if (name === DEFAULT_NAMESPACE) return true;
    const known = await this.namespace(name, now);
    return isProblem(known) ? known : known !== null;
  }

  /** The namespace; null where there is none, or it is being deleted. `default` is there though the database does not answer. */
  async namespace(name: string, now: number): Promise<Result<KnownNamespace | null>> {
    const known = this.#namespaces.get(name, now);
    if (known !== undefined) return known;
    const row = await orUnavailable(() => findNamespace(primary(this.#ports.database), name));
    const isDefault = name === DEFAULT_NAMESPACE;
    if (isProblem(row)) return isDefault ? { rateLimit: rateLimitOf(null) } : row;
    const lives = row === null ? isDefault : row.deletingAt === null;
    if (!lives) return null;
    const found = { rateLimit: rateLimitOf(row?.limits ?? null) };
    this.#namespaces.set(name, found, now);
    return found;
  }

  async #look(token: string, now: number, budget: LookUpBudget | null): Promise<Result<Caller | null>> {
    const hash = await sha256Hex(token);
    this.#roots ??= await rootsOf(this.#ports.rootKeys);
    const root = this.#roots.find((one) => sameText(one.hash, hash));
    const found = root?.caller ?? (await this.#judge({ token, hash, now, budget }));
    if (found !== null && !isProblem(found)) this.#known.set(token, found, now);
    return found;
  }

  /** Asks as few as it takes: the token itself, what was said of it before, and then the database. */
  async #judge(look: Look): Promise<Result<Caller | null>> {
    const { token, hash, now, budget } = look;
    if (this.#refused.get(hash, now)) return null;
    const claim = await this.#ports.seal.read(token);
    if (claim === null) return null;
    const spokenFor = claim.sealed || this.#believed.get(hash, now) !== undefined;
    if (spokenFor || budget === null) return this.#lookUp(look, claim.keyId);
    if (!budget.take()) return access.tooManyBadKeys();
    try {
      return await this.#lookUp(look, claim.keyId);
    } finally {
      budget.giveBack();
    }
  }

  async #lookUp({ hash, now }: Look, keyId: string): Promise<Result<Caller | null>> {
    const row = await orUnavailable(() => findKey(primary(this.#ports.database), keyId));
    if (isProblem(row)) return this.#withoutDatabase(hash, now, row);
    if (row === null || row.revokedAt !== null || !sameText(row.hash, hash)) return this.#refuse(hash, now);
    const caller = callerOf(row);
    this.#believed.set(hash, { caller, confirmedAt: now }, now);
    return caller;
  }

  /** What is to be believed while D1 does not answer, with `problem`. A key that was never seen cannot be judged. */
  async #withoutDatabase(hash: string, now: number, problem: Problem): Promise<Result<Caller | null>> {
    const believed = this.#believed.get(hash, now);
    if (believed === undefined) return problem;
    const { caller, confirmedAt } = believed;
    const lineage = { namespace: caller.namespace, keyIds: [caller.keyId, ...caller.ancestors] };
    const revoked = await this.#ports.revocations.since(lineage, confirmedAt, now);
    if (revoked) return this.#refuse(hash, now);
    return revoked === false || now <= confirmedAt + ALONE_MS ? caller : problem;
  }

  #refuse(hash: string, now: number): null {
    this.#believed.delete(hash);
    this.#refused.set(hash, true, now);
    return null;
  }
}

async function rootsOf({ current, previous }: AuthPorts["rootKeys"]): Promise<{ hash: string; caller: Caller }[]> {
  const roots = [{ hash: await sha256Hex(current), caller: rootCaller("root") }];
  if (previous !== null) roots.push({ hash: await sha256Hex(previous), caller: rootCaller("root-previous") });
  return roots;
}

function rootCaller(keyId: string): Caller {
  const scopes = new Set(SCOPES);
  const none = { expiresAt: null, ancestors: [], rateLimit: null };
  return { kind: "root", keyId, namespace: DEFAULT_NAMESPACE, scopes, root: true, ...none };
}

function callerOf({ id, namespace, scopes, expiresAt, ancestors, limits }: FoundKey): Caller {
  const rateLimit = rateLimitOf(limits);
  return { kind: "key", keyId: id, namespace, scopes: scopesOf(scopes), root: false, expiresAt, ancestors, rateLimit };
}

/** The scopes that these names give: `admin` implies the others, apart from `metrics`. */
export function scopesOf(names: readonly string[]): ReadonlySet<Scope> {
  const named = new Set(names);
  const implied = (scope: Scope) => scope !== "metrics" && named.has("admin");
  return new Set(SCOPES.filter((scope) => named.has(scope) || implied(scope)));
}

/** What D1 says in time; a 503 problem when it does not. */
async function orUnavailable<T>(read: () => Promise<T>): Promise<Result<T>> {
  try {
    const answer = await within(DATABASE_MS, read());
    if (answer !== LATE) return answer;
    log("error", "auth-database", { reason: `no answer within ${DATABASE_MS} ms` });
  } catch (error) {
    log("error", "auth-database", { reason: reasonOf(error) });
  }
  return unavailable.because("API keys cannot be checked right now.");
}

/** The token of `Authorization: Bearer <token>`, or null. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined ? null : (/^bearer +([^\s]{1,512})$/i.exec(header.trim())?.[1] ?? null);
}
