import type {
  InstanceReport,
  ProbeReport,
  ServiceSnapshot,
  ServiceWorkReply,
  ServiceWorkRequest,
} from "../../../contract/rpc/service.ts";
import { RPC_VERSION } from "../../../contract/rpc.ts";
import { candidatesOf, type InstanceView } from "../../../domain/service/candidates.ts";
import { choose } from "../../../domain/service/choice.ts";
import { ewmaAt, type PeakEwma, withTimings } from "../../../domain/service/peak-ewma.ts";
import { emptyReport, joinedReports, type RequestOutcome, withOutcome } from "../../../domain/service/report.ts";
import type { Rotation } from "../../../domain/service/rotation.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";

/** What is known of the instances is asked for again before it is older than this. */
const FRESH_MS = 2_000;

const NO_PROBES = { succeeded: 0, failed: 0, unused: 0, spent: 0 } as const;

/** One request that may be made, and where to. */
export interface Taken {
  url: string;
  settings: ServiceSettings;
  /** The round of probes that it belongs to; null where it is none. */
  round: number | null;
}

/** A request that may be made, wherever it will go. It counts as under way. */
export interface Reserved {
  /** The round of probes that it belongs to; null where it is none. */
  round: number | null;
  /** How many requests to the service had been made before it. */
  asked: number;
}

/** What this isolate knows of an instance by its answers, on top of what it was last told. */
interface Observed {
  ewma: PeakEwma | null;
  /** In a row. */
  failures: number;
}

interface Moment {
  now: number;
  random(): number;
}

type Granted = Extract<ServiceWorkReply, { type: "permits" }>;

/**
 * What one isolate has of one service: its permits and their lease, what it knows of the instances, and what it has to tell. Times are
 * epoch milliseconds. It goes by the last answer that it has heard, and starts nothing after its lease has ended.
 */
export class Holding {
  #permits = 0;
  /** How many it may start until it asks again; null: as many as it has permits. */
  #starts: number | null = 0;
  /** Starts that it has given back, in a request that was not answered yet. */
  #startsBack = 0;
  /** Starts since the last request was made. */
  #started = 0;
  /** Requests that were made. */
  #asked = 0;
  #leaseUntil = Number.NEGATIVE_INFINITY;
  #snapshot: ServiceSnapshot | null = null;
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Most that were in use or wanted since the last request. */
  #peak = 0;
  /** What is under way or reserved, and how much of it is under way. */
  #used = 0;
  #begun = 0;
  readonly #inFlight = new Map<string, number>();
  /** The same as it was when the snapshot was asked for, which has it in its own counts. */
  #told: Readonly<Record<string, number>> = {};
  #reports = new Map<string, InstanceReport>();
  #probes = new Map<number, Required<ProbeReport>>();
  #observations = new Map<string, Observed>();
  #rotation: Rotation = new Map();

  get used(): number {
    return this.#used;
  }

  get leaseUntil(): number {
    return this.#leaseUntil;
  }

  /** Whether it has permits, or something to tell. */
  get isEmpty(): boolean {
    return this.#used === 0 && this.#permits === 0 && this.#reports.size === 0 && this.#probes.size === 0;
  }

  /** Whether it has permits that nobody uses. */
  get hasSpare(): boolean {
    return this.#permits > this.#used;
  }

  /** Whether it has permits that nobody uses, and no start for them: the service is to be asked, or has been. */
  get lacksStarts(): boolean {
    return this.hasSpare && this.#starts === 0;
  }

  /** Whether what is known of the instances is recent enough to send anything by it. */
  isFresh(now: number): boolean {
    return this.#snapshot !== null && now < this.#leaseUntil && now < this.#heardAt + FRESH_MS;
  }

  /** Begins one request, where it may; null: the service has to be asked first. `key` is what requests have in common, for `hash`. */
  take(key: string | null, at: Moment): Taken | null {
    const reserved = this.isFresh(at.now) ? this.reserve(at.now) : null;
    if (reserved === null) return null;
    const taken = this.begin(reserved, key, at);
    if (taken === null) this.release(reserved);
    return taken;
  }

  /** The right to one request that is made soon, or given back with `release`; null: the service has to be asked first. */
  reserve(now: number): Reserved | null {
    const snapshot = this.#snapshot;
    if (snapshot === null || now >= this.#leaseUntil || this.#used >= this.#permits || this.#starts === 0) return null;
    this.#used++;
    this.#started++;
    if (this.#starts !== null) this.#starts--;
    const { state, round } = snapshot.breaker;
    return { round: state === "halfOpen" ? (round ?? null) : null, asked: this.#asked };
  }

  /** Begins a request that was reserved, while what is known is fresh; null: it has been lost since. Then it is to be given back. */
  begin({ round }: Reserved, key: string | null, { now, random }: Moment): Taken | null {
    const snapshot = this.#snapshot;
    if (snapshot === null || !this.isFresh(now) || this.#used > this.#permits) return null;
    const candidates = candidatesOf(this.#views(snapshot, now));
    const chosen = choose(snapshot.settings.strategy, candidates, { random, key, rotation: this.#rotation });
    if (chosen === null) return null;
    this.#begun++;
    this.#peak = Math.max(this.#peak, this.#begun);
    this.#count(chosen.url, 1);
    return { url: chosen.url, settings: snapshot.settings, round };
  }

  /**
   * A request that was reserved is not made. Its start may be made by another, unless the service has been told meanwhile that it was
   * made: then it counts, so that no window has more than the rate.
   */
  release({ round, asked }: Reserved): void {
    this.#used--;
    if (asked !== this.#asked) {
      if (round !== null) this.#noteProbe(round, "unused");
      return;
    }
    this.#started--;
    if (this.#starts !== null) this.#starts++;
  }

  /** A request has ended; `outcome` null says nothing of its instance, and "unsent" that none was made. */
  end({ url, round }: Taken, outcome: RequestOutcome | "unsent" | null, now: number): void {
    this.#used--;
    this.#begun--;
    this.#count(url, -1);
    if (round !== null) this.#noteProbe(round, probeOf(outcome));
    if (outcome === null || outcome === "unsent") return;
    this.#reports.set(url, withOutcome(this.#reports.get(url) ?? emptyReport(url), outcome));
    const { ewma, failures } = this.#observed(url);
    const timed =
      outcome.ms === null ? ewma : withTimings(ewma, { count: 1, sumMs: outcome.ms, maxMs: outcome.ms }, now);
    this.#observations.set(url, { ewma: timed, failures: outcome.ok ? 0 : failures + 1 });
  }

  /** What to say to the service, while so many wait. `keeps`: it holds on to what it has needed of late. */
  request(
    holder: string,
    { waiting, keeps, now }: { waiting: number; keeps: boolean; now: number },
  ): ServiceWorkRequest {
    if (now >= this.#leaseUntil) {
      this.#permits = 0;
      this.#starts = 0;
      this.#startsBack = 0;
    }
    const wanted = this.#used + waiting;
    const need = keeps ? Math.max(wanted, this.#peak) : wanted;
    this.#peak = wanted;
    this.#started = 0;
    this.#asked++;
    if (this.#starts !== null) {
      this.#startsBack += this.#starts;
      this.#starts = 0;
    }
    const reports = [...this.#reports.values()];
    const probes = [...this.#probes.values()];
    this.#reports = new Map();
    this.#probes = new Map();
    const startsLeft = this.#startsBack;
    const inFlight = Object.fromEntries(this.#inFlight);
    return {
      v: RPC_VERSION,
      holder,
      need,
      used: this.#used,
      permits: this.#permits,
      startsLeft,
      inFlight,
      reports,
      probes,
    };
  }

  /** The service has answered a request that was sent at `sentAt`. */
  heard(request: ServiceWorkRequest, reply: Granted, { sentAt, now }: { sentAt: number; now: number }): void {
    this.#permits = reply.permits;
    this.#starts = reply.starts === null ? null : Math.max(0, reply.starts - this.#started);
    this.#startsBack = 0;
    this.#leaseUntil = sentAt + reply.leaseMs;
    this.#heardAt = now;
    this.#told = request.inFlight ?? {};
    if (this.#snapshot?.settings.version !== reply.snapshot.settings.version) this.#rotation = new Map();
    this.#snapshot = reply.snapshot;
    // Of an instance that fails here, and is said to be well, one more failure says that it is not.
    const most = (reply.snapshot.settings.outlier?.consecutiveFailures ?? 1) - 1;
    this.#observations = new Map(
      reply.snapshot.instances.map(({ url, ewmaMs }) => {
        const failures = Math.min(this.#observations.get(url)?.failures ?? 0, most);
        return [url, { ewma: ewmaMs === null ? null : { ms: ewmaMs, at: now }, failures }];
      }),
    );
  }

  /** A request was not answered: what it told is to be told again. */
  unheard({ reports, probes = [] }: ServiceWorkRequest): void {
    for (const earlier of reports) {
      const later = this.#reports.get(earlier.url);
      this.#reports.set(earlier.url, later === undefined ? earlier : joinedReports(earlier, later));
    }
    for (const { round, succeeded, failed, unused, spent = 0 } of probes) {
      const later = this.#probes.get(round) ?? NO_PROBES;
      this.#probes.set(round, {
        round,
        succeeded: succeeded + later.succeeded,
        failed: failed + later.failed,
        unused: unused + later.unused,
        spent: spent + later.spent,
      });
    }
  }

  /** There is no such service any more. */
  forget(): void {
    this.#permits = 0;
    this.#starts = 0;
    this.#startsBack = 0;
    this.#snapshot = null;
    this.#reports = new Map();
    this.#probes = new Map();
  }

  /** The instances as the service has told them, with what was seen here since. */
  #views({ settings, instances }: ServiceSnapshot, now: number): InstanceView[] {
    const weights = new Map(settings.instances.map(({ url, weight }) => [url, weight]));
    const mostFailures = settings.outlier?.consecutiveFailures ?? Number.POSITIVE_INFINITY;
    return instances.map(({ url, state, sinceMs, inFlight }) => {
      const { ewma, failures } = this.#observed(url);
      const others = Math.max(0, inFlight - (this.#told[url] ?? 0));
      return {
        url,
        weight: weights.get(url) ?? 1,
        available: state === "healthy" && failures < mostFailures,
        sinceMs: sinceMs + (now - this.#heardAt),
        ewmaMs: ewmaAt(ewma, now),
        inFlight: others + (this.#inFlight.get(url) ?? 0),
      };
    });
  }

  #observed(url: string): Observed {
    return this.#observations.get(url) ?? { ewma: null, failures: 0 };
  }

  #noteProbe(round: number, what: keyof typeof NO_PROBES): void {
    const noted = this.#probes.get(round) ?? { round, ...NO_PROBES };
    this.#probes.set(round, { ...noted, [what]: noted[what] + 1 });
  }

  #count(url: string, by: 1 | -1): void {
    const count = (this.#inFlight.get(url) ?? 0) + by;
    if (count <= 0) this.#inFlight.delete(url);
    else this.#inFlight.set(url, count);
  }
}

/** What a probe counts as that ended so. */
function probeOf(outcome: RequestOutcome | "unsent" | null): keyof typeof NO_PROBES {
  if (outcome === null) return "spent";
  if (outcome === "unsent") return "unused";
  return outcome.ok ? "succeeded" : "failed";
}
