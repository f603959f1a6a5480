import { type LeaseReply, type LimitedBy, type RateLimiterApi, RPC_VERSION } from "../../../contract/rpc.ts";
import type { Quota } from "../../../domain/gcra.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import { KeyBudget } from "./key-budget.ts";
import { LocalBudget } from "./local-budget.ts";
import type { RateVerdict } from "./rate-verdict.ts";
import { RecentMap } from "./recent-map.ts";

/** Of how many keys, and of how many namespaces, an isolate remembers something: some 300 bytes each. */
const MAX_REMEMBERED = 10_000;
/** No request waits for longer for an object that keeps its budget. */
const WAIT_MS = 500;
/** Requests that have come while another one asks look again this often, for as long. */
const LOOK_AGAIN_MS = 10;
/** What a request was granted others may have taken: it asks so often at most. */
const MAX_ASKED = 3;
/** An object that is away is asked again this often, behind the answers. */
const PROBE_MS = 1_000;
/** What a refusal says that the object has not made. */
const REFUSED_MS = 1_000;

/** Whose budgets a call is taken off. */
export interface Spender {
  /** The name of the object that keeps them. */
  limiter: string;
  /** The id of the key. */
  key: string;
  quota: Quota;
  /** The budget of all keys of the namespace together. Null: no limit. */
  namespaceQuota: Quota | null;
}

export interface RatePorts {
  limiter(name: string): Pick<RateLimiterApi, "lease">;
  sleep(ms: number): Promise<void>;
}

/** What is needed of the request that is counted. */
export interface Asker {
  /** Epoch ms. */
  clock(): number;
  /** Goes on with `work` after the answer. */
  later(work: Promise<unknown>): void;
}

/** One object, as this isolate knows it. */
class Limiter {
  readonly local = new LocalBudget();
  /** Since when it does not answer; null while it does. */
  awaySince: number | null = null;
  #probedAt = 0;

  /** Whether it is time to ask an object again that is away. */
  isProbeDue(now: number): boolean {
    if (Math.abs(now - this.#probedAt) < PROBE_MS) return false;
    this.#probedAt = now;
    return true;
  }
}

/** One call on its way through its budgets. */
interface Call {
  spender: Spender;
  budget: KeyBudget;
  limiter: Limiter;
  units: number;
}

type Decision = { by: LimitedBy; ms: number } | "allowed";

/**
 * The budgets of requests, as one isolate spends them. What it lets through comes out of a small share that needs no asking,
 * or out of chunks that the namespace's object hands out and that are asked for behind the answers, before the last one is
 * spent. The object has the truth: `durable-objects/rate-limiter/`.
 */
export class RateBudgets {
  readonly #ports: RatePorts;
  readonly #keys = new RecentMap<KeyBudget>(MAX_REMEMBERED);
  readonly #limiters = new RecentMap<Limiter>(MAX_REMEMBERED);

  constructor(ports: RatePorts) {
    this.#ports = ports;
  }

  /** Takes a call off the budgets. `cost` is in whole units; no call costs more than a budget has. */
  async take(asker: Asker, spender: Spender, cost: number): Promise<RateVerdict> {
    const { limiter, key, quota, namespaceQuota } = spender;
    const call = {
      spender,
      budget: this.#keys.get(`${limiter}/${key}`, () => new KeyBudget()),
      limiter: this.#limiters.get(limiter, () => new Limiter()),
      units: Math.min(cost, quota.units, namespaceQuota?.units ?? cost),
    };
    call.budget.want({ units: call.units, now: asker.clock() });
    const decision = await this.#decided(call, asker);
    if (decision === "allowed") this.#askAhead(call, asker);
    return verdictOf(call, decision, asker.clock());
  }

  async #decided(call: Call, asker: Asker): Promise<Decision> {
    let asked = 0;
    let waitedMs = 0;
    while (asked < MAX_ASKED && waitedMs < WAIT_MS) {
      const now = asker.clock();
      const decision = decideHere(call, now);
      if (decision !== null) return decision;
      if (call.limiter.awaySince !== null) return this.#withoutLimiter(call, asker);
      if (call.budget.isAsking(now)) {
        await this.#ports.sleep(LOOK_AGAIN_MS);
        waitedMs += LOOK_AGAIN_MS;
      } else {
        asked++;
        await this.#ask(call, asker, call.units);
      }
    }
    return decideHere(call, asker.clock()) ?? byItself(call, asker.clock());
  }

  #withoutLimiter(call: Call, asker: Asker): Decision {
    const now = asker.clock();
    if (call.limiter.isProbeDue(now)) this.#ask(call, asker, 0);
    return byItself(call, now);
  }

  /** Asks for the next chunk behind the answer, before the last one is spent; or reports what is owed. */
  #askAhead(call: Call, asker: Asker): void {
    const { budget, limiter } = call;
    const now = asker.clock();
    if (limiter.awaySince !== null || budget.isAsking(now) || budget.pause(now) !== null) return;
    if (budget.isLow(freeLeft(call, now), now) || budget.owesMuch(call.spender.quota)) this.#ask(call, asker, 0);
  }

  /** Asks for a chunk; `units` are what the call waits for. Never rejects, and takes half a second at most. */
  #ask(call: Call, asker: Asker, units: number): Promise<void> {
    const work = this.#lease(call, asker, units);
    // The answer is every later request's too: it is heard though this one is given up.
    asker.later(work);
    return work;
  }

  async #lease({ spender, budget, limiter }: Call, { clock }: Asker, units: number): Promise<void> {
    const { key, quota, namespaceQuota } = spender;
    const askedAt = clock();
    const order = budget.order({ units, now: askedAt }, 2 * WAIT_MS);
    const reply = await this.#reply(spender.limiter, { key, quota, namespaceQuota, ...order });
    const now = clock();
    if ("fault" in reply) {
      budget.unanswered(order);
      if (limiter.awaySince === null) log("error", "rate-limiter-away", { reason: reply.fault });
      limiter.awaySince ??= now;
      return;
    }
    if (limiter.awaySince !== null) log("info", "rate-limiter-back", { awayMs: now - limiter.awaySince });
    limiter.awaySince = null;
    budget.heard(reply, quota, { askedAt, needed: order.needed, now });
    const { namespace } = reply.left;
    if (namespace !== null && namespaceQuota !== null) limiter.local.told(namespace, namespaceQuota, now);
  }

  async #reply(
    name: string,
    request: Omit<Parameters<RateLimiterApi["lease"]>[0], "v">,
  ): Promise<LeaseReply | { fault: string }> {
    try {
      const reply = await within(WAIT_MS, this.#ports.limiter(name).lease({ v: RPC_VERSION, ...request }));
      return reply === LATE ? { fault: `no answer within ${WAIT_MS} ms` } : reply;
    } catch (error) {
      return { fault: reasonOf(error) };
    }
  }
}

/** What can be said of a call without asking anybody; null where somebody is to be asked. */
function decideHere(call: Call, now: number): Decision | null {
  const { budget, limiter, units, spender } = call;
  const { quota, namespaceQuota } = spender;
  if (budget.take({ units, now })) return "allowed";
  const refusal = budget.refusal({ units, now });
  if (refusal !== null) return refusal;
  if (freeLeft(call, now) < units) return null;
  budget.local.spendFree(quota, { units, now });
  if (namespaceQuota !== null) limiter.local.spendFree(namespaceQuota, { units, now });
  budget.owe(units);
  return "allowed";
}

/** What becomes of a call while its object does not answer: a tenth of each budget may be spent in an isolate. */
function byItself({ budget, limiter, units, spender }: Call, now: number): Decision {
  const { quota, namespaceQuota } = spender;
  const spend = { units, now };
  if (!budget.local.mayAway(quota, spend)) return { by: "key", ms: REFUSED_MS };
  if (namespaceQuota !== null && !limiter.local.mayAway(namespaceQuota, spend)) {
    return { by: "namespace", ms: REFUSED_MS };
  }
  budget.local.spendAway(quota, spend);
  if (namespaceQuota !== null) limiter.local.spendAway(namespaceQuota, spend);
  budget.owe(units);
  return "allowed";
}

function freeLeft({ budget, limiter, spender: { quota, namespaceQuota } }: Call, now: number): number {
  const ofKey = budget.local.freeLeft(quota, now);
  return namespaceQuota === null ? ofKey : Math.min(ofKey, limiter.local.freeLeft(namespaceQuota, now));
}

/**
 * What a caller is told: of each budget the units that it may spend now, and when there are more. Where the object has said that there
 * are none to be had for a while, those are what lies in chunks. Both follow from what a next call is let through by.
 */
function verdictOf(call: Call, decision: Decision, now: number): RateVerdict {
  const { budget, units } = call;
  const refused = decision === "allowed" ? null : { by: decision.by, seconds: secondsOf(call, decision, now) };
  const pause = budget.pause(now);
  const policies = budgetsOf(call, now).map(({ name, by, quota, left: known, waitFor }) => {
    if (refused?.by === by) return { name, quota, left: Math.min(known, units - 1), resetSeconds: refused.seconds };
    const pauseMs = pause?.by === by ? pause.ms : 0;
    const left = pauseMs > 0 ? Math.min(known, budget.inChunks(now)) : known;
    const ms = left >= quota.units ? 0 : Math.max(pauseMs, waitFor(left + 1));
    return { name, quota, left, resetSeconds: Math.ceil(ms / 1_000) };
  });
  return { refused, policies };
}

/** When a call that is refused may be sent again: when the object may be asked again, and both budgets have as much as the call takes. */
function secondsOf(call: Call, { ms }: Exclude<Decision, "allowed">, now: number): number {
  const waits = budgetsOf(call, now).map(({ waitFor }) => waitFor(call.units));
  return Math.max(1, Math.ceil(Math.max(ms, ...waits) / 1_000));
}

/** A budget of a call, under the name by which callers are told of it. */
interface CallBudget {
  name: string;
  by: LimitedBy;
  quota: Quota;
  /** Whole units that may be spent now. */
  left: number;
  /** Milliseconds until so many may be. */
  waitFor(units: number): number;
}

function budgetsOf(call: Call, now: number): CallBudget[] {
  const { quota, namespaceQuota } = call.spender;
  const ofKey = callBudget(call, { name: "default", by: "key", quota, local: call.budget.local }, now);
  if (namespaceQuota === null) return [ofKey];
  const local = call.limiter.local;
  return [ofKey, callBudget(call, { name: "namespace", by: "namespace", quota: namespaceQuota, local }, now)];
}

function callBudget(
  { budget, limiter }: Call,
  { local, ...named }: Pick<CallBudget, "name" | "by" | "quota"> & { local: LocalBudget },
  now: number,
): CallBudget {
  const { quota } = named;
  const left = Math.min(quota.units, local.left(quota, now) + budget.inChunks(now));
  const waitFor = (units: number) => budget.waitFor(local, quota, { units, now });
  if (limiter.awaySince === null) return { ...named, left, waitFor };
  return {
    ...named,
    left: Math.min(left, local.awayLeft(quota, now)),
    waitFor: (units) => Math.max(waitFor(units), local.waitAway(quota, { units, now })),
  };
}
