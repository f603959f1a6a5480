import type { CallDefinition } from "../../../contract/http/call.ts";
import { Name } from "../../../contract/primitives.ts";
import { access, isProblem, notFound, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import { formatNumber } from "../../../contract/sentence.ts";
import { HistorySessions } from "../../db/sessions.ts";
import type { Caller } from "../access/auth.ts";
import type { Spender } from "../access/rate-budgets.ts";
import { type RateVerdict, WINDOW_MS } from "../access/rate-verdict.ts";
import type { Context, Visit } from "../context.ts";
import type { Services } from "../services.ts";
import { ReadSession } from "../sessions/read-session.ts";

/** Who says to be calling: known already, or by a token that is to be checked. */
export type Identity =
  | { type: "caller"; caller: Caller }
  /** `token` is null where what was sent is none. `address` is where it came from, or null where that says nothing. */
  | { type: "token"; token: string | null; sent: boolean; address: string | null };

export interface Entry {
  identity: Identity;
  /** The namespace to act in; only the root key may name one. */
  namespace?: string | undefined;
  /** What the caller has seen, as earlier answers told it. */
  bookmark?: string | undefined;
  /** What the call needs. Null: a call that there is none of, which only a working key is told. */
  scope: CallDefinition["scope"] | null;
  /** Whole units that the call takes off the budgets: `costOf` of its definition. */
  cost: number;
}

export interface Admission {
  /** What is left of the budgets; null where nobody counted. */
  rate: RateVerdict | null;
  context: Result<Context>;
}

/** Why this deployment serves nobody; null when it does. */
export function refusalOf({ config, masterKeys }: Services): Problem | null {
  const refusal = config.refusal ?? masterKeys.fault;
  return refusal === null ? null : unavailable.because(refusal, { retryAfter: 60 });
}

/** Lets a request through to the API, whichever door it came to: who is it, is there budget left, where and what may it do? */
export async function admit(visit: Visit, entry: Entry): Promise<Admission> {
  const caller = refusalOf(visit.services) ?? (await identified(visit, entry.identity));
  if (isProblem(caller)) return { rate: null, context: caller };
  const noted = caller.kind === "key" ? visit.services.keyUse.note(caller, visit.clock()) : null;
  if (noted !== null) visit.later(noted);
  const { rate, problem } = await spent(visit, caller, entry.cost);
  return { rate, context: problem ?? (await entered(visit, entry, caller)) };
}

/** Runs the use case of a call that was let through. Of heavy ones a namespace may have a few under way at once. */
export function underWay<T>(
  { services, caller, clock }: Context,
  { heavy }: Pick<CallDefinition, "heavy">,
  work: () => Promise<Result<T>>,
): Promise<Result<T>> {
  return heavy ? services.underWay.run(caller.namespace, clock, work) : work();
}

async function identified({ services, clock }: Visit, identity: Identity): Promise<Result<Caller>> {
  if (identity.type === "caller") return identity.caller;
  const { token, sent, address } = identity;
  const now = clock();
  const budget = address === null ? null : services.badKeys.lookUps(address, now);
  const caller = token === null ? null : await services.auth.identify(token, now, budget);
  if (caller !== null) return caller;
  // Guessing keys is cut short by address.
  if (sent && address !== null && !(await services.badKeys.count(address, now))) return access.tooManyBadKeys();
  return access.unauthorized("Send a working key as: Authorization: Bearer dure_<keyId>_<secret>", {
    headers: { "www-authenticate": sent ? 'Bearer realm="dure", error="invalid_token"' : 'Bearer realm="dure"' },
  });
}

/** Root keys are no tenant's: their budgets lie apart, and no namespace's budget keeps an operator out. No namespace has such a name. */
const ROOT_LIMITER = ":root";

/** Takes the call off the budget of its key, and of its namespace. */
async function spent(
  visit: Visit,
  caller: Caller,
  cost: number,
): Promise<{ rate: RateVerdict | null; problem: Result<never> | null }> {
  const { rateLimit } = visit.services.config;
  if (rateLimit === 0) return { rate: null, problem: null };
  const rate = await visit.services.rates.take(visit, spenderOf(caller, rateLimit), cost);
  const { refused } = rate;
  if (refused === null) return { rate, problem: null };
  const units = (refused.by === "key" ? rateLimit : caller.rateLimit) ?? rateLimit;
  const who = refused.by === "key" ? "A key" : "All keys of the namespace together";
  const detail = `${who} may spend ${formatNumber(units)} units in ${WINDOW_MS / 1000} seconds: a request takes one, a list up to ten.`;
  return { rate, problem: access.rateLimited(detail, refused.seconds) };
}

function spenderOf({ root, keyId, namespace, rateLimit }: Caller, units: number): Spender {
  const quota = { units, windowMs: WINDOW_MS };
  if (root) return { limiter: ROOT_LIMITER, key: keyId, quota, namespaceQuota: null };
  const namespaceQuota = rateLimit === null ? null : { units: rateLimit, windowMs: WINDOW_MS };
  return { limiter: namespace, key: keyId, quota, namespaceQuota };
}

async function entered(visit: Visit, entry: Entry, known: Caller): Promise<Result<Context>> {
  const { namespace, bookmark, scope } = entry;
  const { services } = visit;
  const address = entry.identity.type === "token" ? entry.identity.address : null;
  const caller = namespace === undefined ? known : await inNamespace(visit, known, namespace);
  if (isProblem(caller)) return caller;
  const before = await services.bookmarks.read(caller.namespace, bookmark, visit.clock());
  if (isProblem(before)) return before;
  const forbidden = lacks(caller, scope);
  if (forbidden !== null) return forbidden;
  const session = new ReadSession(() => new HistorySessions(services.database, services.retryD1), before);
  const heard = services.shards.heardBy((shard, log) => session.heard(shard, log));
  const mayGoOn = mayGoOnOf(services, visit.clock, entry.identity);
  return { ...visit, services: { ...services, shards: heard }, caller, address, session, mayGoOn };
}

/** What is known of the key by now: a revocation acts within seconds, on calls that wait too. */
function mayGoOnOf({ auth }: Services, clock: () => number, identity: Identity): () => Promise<boolean> {
  return async () => {
    if (identity.type === "caller" || identity.token === null) return true;
    const caller = await auth.identify(identity.token, clock(), null);
    return caller !== null && !isProblem(caller);
  };
}

/** The root key acts in the namespace that it names; no other key may name one. */
async function inNamespace({ services, clock }: Visit, caller: Caller, namespace: string): Promise<Result<Caller>> {
  if (!caller.root)
    return access.forbiddenHeader(
      "Dure-Namespace",
      "Only the root key may name a namespace, by the header Dure-Namespace.",
    );
  const known = Name.safeParse(namespace).success && (await services.auth.namespaceExists(namespace, clock()));
  if (isProblem(known)) return known;
  return known ? { ...caller, namespace } : notFound.namespaceOfHeader(namespace);
}

function lacks(caller: Caller, scope: Entry["scope"]): Result<never> | null {
  if (scope === null || scope === "public") return null;
  if (scope === "root") return caller.root ? null : access.forbidden("Only the root key may do this.");
  return caller.scopes.has(scope) ? null : access.forbidden(`The key has no scope "${scope}".`);
}
