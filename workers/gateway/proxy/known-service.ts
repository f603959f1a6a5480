import type { InstanceReport, ServiceObserveReply, ServiceObserveRequest } from "../../../contract/rpc/service.ts";
import { basePathOf } from "../../../domain/service/address.ts";
import { type Candidate, candidatesOf, type InstanceView } from "../../../domain/service/candidates.ts";
import { choose } from "../../../domain/service/choice.ts";
import {
  type Ejection,
  ejected,
  NOT_EJECTED,
  readmitted,
  withInstanceOutcomes,
} from "../../../domain/service/ejection.ts";
import { ewmaAt, type PeakEwma, withTimings } from "../../../domain/service/peak-ewma.ts";
import { emptyReport, joinedReports, type RequestOutcome, withOutcome } from "../../../domain/service/report.ts";
import { FULL_BUDGET, type RetryBudget, withRequest, withRetry } from "../../../domain/service/retry-budget.ts";
import type { Rotation } from "../../../domain/service/rotation.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { InFlight, type UnderWay } from "./in-flight.ts";
import { type Probe, Probes } from "./probes.ts";

/** What the object of a service has said. */
type Learned = Extract<ServiceObserveReply, { type: "snapshot" }>;

/** Whether one more request may be sent. A probe is given with it where the breaker is half open. */
export type Verdict =
  | { type: "pass"; probe: Probe | null }
  /** The breaker is open, or half open with all its probes under way; it is worth trying again after `nextMs`. */
  | { type: "open"; nextMs: number };

/** One sending of a request. */
export interface Attempt {
  readonly url: string;
  /** What became of it; said once, when its answer began or it failed. Null: nobody knows. */
  note(outcome: RequestOutcome | null, now: number): void;
  /** Nothing of it is under way any more. May be said twice. */
  end(): void;
}

/** What this isolate has seen of an instance itself. */
interface Local {
  ejection: Ejection;
  ewma: PeakEwma | null;
}

/** Half open without a probe to give: a probe takes about so long. */
const PROBE_WAIT_MS = 1_000;

/**
 * What an isolate knows of one service: what its object said a moment ago, and over it what has become of the isolate's own requests
 * since. All of it may be lost, and no isolate's is the truth. Times are epoch ms.
 */
export class KnownService {
  /** Requests, which count under the share, and what of them is at an instance. */
  readonly #requests = new InFlight();
  readonly #attempts = new InFlight();
  #learned: Learned;
  #learnedAt: number;
  #longestPathBytes = 0;
  #locals = new Map<string, Local>();
  #reports = new Map<string, InstanceReport>();
  readonly #probes = new Probes();
  #rotation: Rotation = new Map();
  #budget: RetryBudget = FULL_BUDGET;

  /** `askedAt`: when the object was asked for it. */
  constructor(learned: Learned, askedAt: number) {
    this.#learned = learned;
    this.#learnedAt = askedAt;
    this.learn(learned, askedAt);
  }

  get settings(): ServiceSettings {
    return this.#learned.snapshot.settings;
  }

  /** The most bytes that an instance's URL has between its host and the path of a request. */
  get longestPathBytes(): number {
    return this.#longestPathBytes;
  }

  /** How old it is, in milliseconds; a clock that stepped back makes it as old as can be. */
  ageMs(now: number): number {
    const age = now - this.#learnedAt;
    return age >= 0 ? age : Number.POSITIVE_INFINITY;
  }

  /** Takes what the object said, which was asked at `askedAt`. */
  learn(learned: Learned, askedAt: number): void {
    const { breaker, settings } = learned.snapshot;
    if (settings.version !== this.settings.version) this.#rotation = new Map();
    this.#learned = learned;
    this.#learnedAt = askedAt;
    this.#longestPathBytes = longestPathOf(settings);
    const urls = new Set(settings.instances.map(({ url }) => url));
    for (const url of this.#locals.keys()) if (!urls.has(url)) this.#locals.delete(url);
    const { probes } = learned;
    if (breaker.round !== undefined && probes !== undefined) {
      this.#probes.grant(breaker.round, probes.count, askedAt + probes.leaseMs);
    }
  }

  /** Whether one more request may be sent at all, wherever there is room. A probe that is given must be sent or noted. */
  verdict(now: number): Verdict {
    const { breaker } = this.#learned.snapshot;
    if (breaker.state === "closed") return { type: "pass", probe: null };
    // What is left of a round that has ended is sent no more: the breaker rests again, or others have the probes of the next.
    const probe = this.#probes.take(breaker.state === "halfOpen" ? (breaker.round ?? null) : null, now);
    if (probe !== null) return { type: "pass", probe };
    const nextMs = breaker.nextProbeMs ?? PROBE_WAIT_MS;
    return { type: "open", nextMs: Math.max(0, nextMs - (now - this.#learnedAt)) };
  }

  /** Whether a request that was let through may be sent still: the breaker may have opened since, or have begun another round. */
  stillPasses(probe: Probe | null): boolean {
    const { state, round } = this.#learned.snapshot.breaker;
    return state === "closed" || (state === "halfOpen" && probe !== null && probe.round === round);
  }

  /** How many requests this isolate may have under way: its share of the limit. */
  get share(): number {
    const { bulkhead } = this.settings;
    if (bulkhead === null) return Number.POSITIVE_INFINITY;
    return Math.min(bulkhead.maxInFlight, this.#learned.share ?? bulkhead.maxInFlight);
  }

  /** The instance that is asked next, another than those in `tried` where there is one. Null where the service has none. */
  choose(facts: { key: string | null; tried: ReadonlySet<string>; random(): number }, now: number): Candidate | null {
    const { key, tried, random } = facts;
    const candidates = candidatesOf(this.#views(now), tried);
    return choose(this.settings.strategy, candidates, { random, key, rotation: this.#rotation });
  }

  /** A request that takes `ms` at most is let through, where this isolate's share has room for it; null where it has not. */
  enter(ms: number, now: number): UnderWay | null {
    if (this.#requests.total(now) >= this.share) return null;
    this.#budget = withRequest(this.#budget, now);
    return this.#requests.begin("", ms, now);
  }

  /** Requests that are under way, and what of them is at each instance, by its URL. */
  underWay(now: number): { requests: number; inFlight: Record<string, number> } {
    return { requests: this.#requests.total(now), inFlight: this.#attempts.counts(now) };
  }

  /** Whether a request that is no probe may be sent again; where it may, that is spent. */
  mayRetry(now: number): boolean {
    if (!this.stillPasses(null)) return false;
    const budget = withRetry(this.#budget, this.settings.retry.budgetPercent, now);
    if (budget === null) return false;
    this.#budget = budget;
    return true;
  }

  /** A request is sent to an instance, and takes `ms` at most. */
  begin(url: string, { ms, probe }: { ms: number; probe: Probe | null }, now: number): Attempt {
    const underWay = this.#attempts.begin(url, ms, now);
    if (probe !== null) this.#probes.sent(probe, ms, now);
    let noted = false;
    return {
      url,
      note: (outcome, at) => {
        if (noted) return;
        noted = true;
        if (probe !== null) this.#probes.ended(probe, outcome === null ? null : outcome.ok);
        if (outcome !== null) this.#note(url, outcome, at);
      },
      end: () => underWay.end(),
    };
  }

  /** A probe that was given is not sent. */
  giveBack(probe: Probe | null): void {
    if (probe !== null) this.#probes.giveBack(probe);
  }

  /** What the object is to hear. It is forgotten here: `putBack` where it did not come through. */
  report(): Pick<ServiceObserveRequest, "reports" | "probes" | "wantsProbes"> {
    const { reports: probes, wanted } = this.#probes.taken();
    const reports = [...this.#reports.values()];
    this.#reports = new Map();
    return { reports, probes, wantsProbes: wanted };
  }

  putBack({ reports, probes }: Pick<ServiceObserveRequest, "reports" | "probes">): void {
    for (const earlier of reports) {
      const later = this.#reports.get(earlier.url);
      this.#reports.set(earlier.url, later === undefined ? earlier : joinedReports(earlier, later));
    }
    this.#probes.putBack(probes ?? []);
  }

  #note(url: string, outcome: RequestOutcome, now: number): void {
    this.#reports.set(url, withOutcome(this.#reports.get(url) ?? emptyReport(url), outcome));
    const local = this.#local(url);
    const { ok, ms } = outcome;
    const outcomes = ok
      ? { succeeded: 1, failed: 0, failedSinceSuccess: 0 }
      : { succeeded: 0, failed: 1, failedSinceSuccess: 1 };
    local.ejection = withInstanceOutcomes(local.ejection, outcomes, now);
    if (ms !== null) local.ewma = withTimings(local.ewma, { count: 1, sumMs: ms, maxMs: ms }, now);
  }

  #local(url: string): Local {
    const known = this.#locals.get(url);
    if (known !== undefined) return known;
    const local: Local = { ejection: NOT_EJECTED, ewma: null };
    this.#locals.set(url, local);
    return local;
  }

  /** What is known of each instance at `now`. */
  #views(now: number): InstanceView[] {
    const { instances, settings } = this.#learned.snapshot;
    const age = Math.max(0, now - this.#learnedAt);
    this.#judge(now);
    const byUrl = new Map(instances.map((instance) => [instance.url, instance]));
    return settings.instances.map(({ url, weight }) => {
      const said = byUrl.get(url);
      const local = this.#locals.get(url);
      const isOut = local !== undefined && local.ejection.until !== null;
      // One that came back here a moment ago starts slowly, also where the object has not missed it.
      const backMs = now - (local?.ejection.changedAt ?? Number.NEGATIVE_INFINITY);
      return {
        url,
        weight,
        available: !isOut && (said === undefined || said.state === "healthy"),
        sinceMs: Math.min((said?.sinceMs ?? Number.POSITIVE_INFINITY) + age, backMs),
        ewmaMs: ewmaAt(local?.ewma ?? null, now) ?? said?.ewmaMs ?? null,
        inFlight: this.#attempts.at(url, now),
      };
    });
  }

  /** Takes those out here that fail too often in a row; those that are out by the object's word count under the percentage. */
  #judge(now: number): void {
    const { instances, settings } = this.#learned.snapshot;
    const { outlier } = settings;
    const all = instances.map(({ url, state }) => {
      const { ejection } = this.#local(url);
      if (outlier === null) return readmitted(ejection, now);
      const isOut = state === "ejected" && ejection.until === null;
      return isOut ? { ...NOT_EJECTED, times: 1, until: now + 1 } : ejection;
    });
    const judged = outlier === null ? all : ejected(all, outlier, now);
    instances.forEach(({ url, state }, i) => {
      const local = this.#local(url);
      const next = judged[i];
      if (next !== undefined && (state !== "ejected" || local.ejection.until !== null)) local.ejection = next;
    });
  }
}

/** A URL that was parsed is ASCII. */
function longestPathOf({ instances }: ServiceSettings): number {
  return Math.max(0, ...instances.map(({ url }) => basePathOf(url).length));
}
