import type {
  InstanceReport,
  ProbeReport,
  ServiceObserveReply,
  ServiceObserveRequest,
  ServiceRefusal,
  ServiceSnapshot,
  ServiceState,
  ServiceWorkReply,
  ServiceWorkRequest,
} from "../../contract/rpc/service.ts";
import { isNewerService, type ServiceSettings } from "../../domain/service/settings.ts";
import type { Sql } from "../sql.ts";
import { ServiceBreaker } from "./breaker.ts";
import { checkAll, type Probe } from "./health-checks.ts";
import { type Grant, Holders, LEASE_MS } from "./holders.ts";
import { type CheckResult, Instances } from "./instances.ts";
import { countOf, isSound } from "./reports.ts";
import { Starts } from "./starts.ts";
import { ServiceStore } from "./store.ts";
import { type ReporterLoad, UnderWay } from "./under-way.ts";

/** A service that nobody has asked for so long is not in use: its instances are not checked. */
export const IN_USE_MS = 60_000;
/** That it is in use is written down no more often than this, and only where checks depend on it. */
const NOTED_MS = 30_000;
/** A deleted service is remembered so long, because what told of it earlier may come late. */
export const REMEMBER_MS = 3_600_000;
/** Two services with the same interval do not check at the same moment for ever: each round is up to so much earlier or later. */
const JITTER = 0.1;
/** A name of an isolate is shorter. */
const MAX_NAME = 128;

/** Everything that a service touches outside itself. */
export interface ServicePorts {
  sql: Sql;
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** When the alarm was set to go off as the object started, in epoch ms; null where it was not. */
  alarmAt: number | null;
  setAlarm(at: number): void;
  probe: Probe;
  /** Deletes all that is stored, the alarm too. */
  forget(): Promise<void>;
}

/**
 * One service: who has permits of it, its breaker, its instances, and its checks. Each call is one transaction. Whatever would let
 * more pass than may is written down before it is answered; averages, windows and what is under way are in memory.
 *
 * What throws leaves memory behind rows: whoever has the object makes another of it.
 */
export class ServiceCore {
  readonly #ports: ServicePorts;
  readonly #store: ServiceStore;
  readonly #holders: Holders;
  readonly #instances: Instances;
  readonly #breaker: ServiceBreaker;
  readonly #starts: Starts;
  readonly #underWay = new UnderWay();
  #settings: ServiceSettings | null;
  /** Epoch ms: when it was last asked, and until when it is noted to be in use. */
  #usedAt = Number.NEGATIVE_INFINITY;
  #usedUntil: number;
  #alarmAt: number | null;

  constructor(ports: ServicePorts) {
    this.#ports = ports;
    this.#alarmAt = ports.alarmAt;
    this.#store = new ServiceStore(ports.sql);
    const stored = this.#store.load();
    const facts = stored?.facts ?? {};
    this.#settings = facts.settings ?? null;
    this.#usedUntil = facts.usedUntil ?? 0;
    this.#holders = new Holders(this.#store, stored?.holders ?? []);
    this.#instances = new Instances(this.#store, stored?.instances ?? new Map());
    this.#breaker = new ServiceBreaker(this.#store, facts.breaker);
    this.#starts = new Starts(this.#store, facts.starts);
    if (this.#settings !== null) this.#follow(this.#settings, ports.now());
  }

  /** Takes settings that are newer than what it has. */
  configure(settings: ServiceSettings): void {
    if (this.#settings !== null && !isNewerService(settings, this.#settings)) return;
    const now = this.#ports.now();
    this.#store.transaction(() => {
      this.#settings = settings;
      this.#store.put("settings", settings);
      if (settings.deleted) {
        this.#holders.clear();
        this.#breaker.clear();
      }
      this.#follow(settings, now);
    });
    if (settings.deleted) this.#wakeAt(now + REMEMBER_MS);
    else if (this.#inUse(now)) this.#check(now);
  }

  /** Hears what became of an executor's requests, and gives it what permits it is due. */
  work(request: ServiceWorkRequest): ServiceWorkReply {
    const settings = this.#serving();
    if (settings === null) return { type: "unknown" };
    const now = this.#ports.now();
    const asked = soundRequest(request);
    const reply = this.#store.transaction((): ServiceWorkReply => {
      const load = { inFlight: asked.inFlight, wants: 0 };
      this.#hear(asked.holder, { ...asked, load }, now);
      const grant = this.#grant(asked, settings, now);
      const refusal = this.#refusal(asked, grant, now);
      const { permits, starts, leaseMs } = grant;
      return { type: "permits", permits, starts, leaseMs, refusal, snapshot: this.#snapshot(settings, now) };
    });
    this.#used(now);
    return reply;
  }

  /** Hears what became of the proxy's requests, and says which instances may be asked. */
  observe(request: ServiceObserveRequest): ServiceObserveReply {
    const settings = this.#serving();
    if (settings === null) return { type: "unknown" };
    const now = this.#ports.now();
    const { holder = "", reports, probes: outcomes = [], wantsProbes = 0, wants = 0, inFlight = {} } = request;
    const name = `proxy ${shortName(holder)}`;
    const reply = this.#store.transaction((): ServiceObserveReply => {
      this.#hear(name, { reports, probes: outcomes, startsLeft: 0, load: { inFlight, wants } }, now);
      const probes = this.#probes(name, countOf(wantsProbes), now);
      return {
        type: "snapshot",
        snapshot: this.#snapshot(settings, now),
        ...(probes === 0 ? {} : { probes: { count: probes, leaseMs: LEASE_MS } }),
        ...(settings.bulkhead === null
          ? {}
          : { share: this.#underWay.shareOf(name, settings.bulkhead.maxInFlight, now) }),
      };
    });
    this.#used(now);
    return reply;
  }

  /** How it is at the moment; null where there is no such service. */
  state(): ServiceState | null {
    const settings = this.#serving();
    if (settings === null) return null;
    const now = this.#ports.now();
    this.#store.transaction(() => this.#tick(now));
    const { events, ...breaker } = this.#breaker.view();
    const instances = this.#instances.states(this.#underWay, now);
    return { breaker, inFlight: this.#holders.inUse, instances, events };
  }

  /** The alarm's handler: checks the instances of a service in use, and forgets one that was deleted long ago. */
  async alarm(): Promise<void> {
    this.#alarmAt = null;
    const settings = this.#settings;
    const now = this.#ports.now();
    if (settings === null) return;
    if (settings.deleted) {
      if (now >= settings.updatedAt + REMEMBER_MS) return this.#ports.forget();
      return this.#wakeAt(now + REMEMBER_MS);
    }
    const { healthCheck } = settings;
    if (healthCheck === null || !this.#inUse(now)) return;
    // Before anything else: should the object die in a check, the next one comes all the same.
    this.#wakeAt(now + healthCheck.intervalMs * (1 + JITTER * (2 * this.#ports.random() - 1)));
    const results = await checkAll(this.#instances.urls, healthCheck, this.#ports.probe);
    this.#checked(results);
  }

  #checked(results: readonly CheckResult[]): void {
    const now = this.#ports.now();
    this.#store.transaction(() => {
      this.#tick(now);
      this.#instances.checked(results, now);
    });
  }

  /** Its settings, where there is a service to ask for. */
  #serving(): ServiceSettings | null {
    return this.#settings === null || this.#settings.deleted ? null : this.#settings;
  }

  #follow(settings: ServiceSettings, now: number): void {
    this.#instances.follow(settings, now);
    this.#breaker.follow(settings.deleted ? null : settings.breaker, now);
    this.#starts.follow(settings.deleted ? null : settings.rate);
  }

  /** What the clock alone changes. */
  #tick(now: number): void {
    this.#starts.made(this.#holders.expire(now), now);
    this.#underWay.expire(now);
    this.#breaker.tick(now);
    this.#instances.eject(now);
  }

  #hear(name: string, { reports, probes, startsLeft, load }: Heard, now: number): void {
    this.#tick(now);
    this.#underWay.hear(name, load, { isInstance: (url) => this.#instances.has(url), now });
    const sound = reports.filter((report) => this.#instances.has(report.url) && isSound(report));
    this.#instances.report(sound, now);
    const succeeded = sound.reduce((sum, report) => sum + report.succeeded, 0);
    const failed = sound.reduce((sum, report) => sum + report.failed, 0);
    this.#breaker.hearProbes({ holder: name, unused: startsLeft, reports: probes, now });
    this.#breaker.hear({ succeeded, failed }, now);
    this.#instances.eject(now);
  }

  /** The starts that a holder had are told of by its request: what it has not made comes back, what it made counts from now. */
  #grant(asked: Asked, { bulkhead }: ServiceSettings, now: number): Grant {
    const given = this.#holders.startsOf(asked.holder);
    this.#starts.made(given - Math.min(given, asked.startsLeft), now);
    const mayBegin = this.#breaker.room(now);
    const mayStart = Math.min(mayBegin, this.#starts.room(this.#holders.startsOut - given, now));
    const maxInFlight = bulkhead?.maxInFlight ?? null;
    const grant = this.#holders.grant(asked, { maxInFlight, mayBegin, mayStart }, now);
    this.#breaker.keep(asked.holder, { until: now + grant.leaseMs, now });
    if (this.#breaker.halfOpen && grant.starts) this.#breaker.give(asked.holder, grant.starts, now + grant.leaseMs);
    return grant;
  }

  /** Probes for requests of the proxy. */
  #probes(name: string, wanted: number, now: number): number {
    this.#breaker.keep(name, { until: now + LEASE_MS, now });
    const count = this.#breaker.halfOpen ? Math.min(wanted, this.#breaker.room(now)) : 0;
    if (count > 0) this.#breaker.give(name, count, now + LEASE_MS);
    return count;
  }

  #refusal(asked: Asked, { permits, starts, inUse }: Grant, now: number): ServiceRefusal | null {
    const wants = asked.need - asked.used;
    if (wants <= 0 || (permits >= asked.need && (starts === null || starts >= wants))) return null;
    if (this.#breaker.room(now) < wants) return { reason: "service-open", nextMs: this.#breaker.nextMs(now) };
    if (permits >= asked.need) return { reason: "rate", nextMs: this.#starts.nextMs(now) };
    return { reason: "bulkhead", nextMs: AGAIN_MS, inUse, limit: this.#settings?.bulkhead?.maxInFlight ?? inUse };
  }

  #snapshot(settings: ServiceSettings, now: number): ServiceSnapshot {
    const instances = this.#instances.snapshots(this.#underWay, now);
    return { settings, breaker: this.#breaker.snapshot(now), instances };
  }

  /** Somebody uses the service: its checks begin, or go on. One row now and then, where it has checks. */
  #used(now: number): void {
    this.#usedAt = now;
    if (!this.#settings?.healthCheck) return;
    if (this.#usedUntil - now < IN_USE_MS - NOTED_MS || this.#usedUntil > now + IN_USE_MS) {
      this.#usedUntil = now + IN_USE_MS;
      this.#store.put("usedUntil", this.#usedUntil);
    }
    this.#check(now);
  }

  /** Sees to it that there is an alarm for the next check. */
  #check(now: number): void {
    const interval = this.#settings?.healthCheck?.intervalMs;
    if (interval === undefined) return;
    const latest = now + interval * (1 + JITTER);
    if (this.#alarmAt === null || this.#alarmAt > latest) this.#wakeAt(now);
  }

  /** By memory, and after a start by what was noted. */
  #inUse(now: number): boolean {
    return Math.abs(now - this.#usedAt) < IN_USE_MS || (this.#usedUntil > now && this.#usedUntil <= now + IN_USE_MS);
  }

  #wakeAt(at: number): void {
    this.#alarmAt = at;
    this.#ports.setAlarm(at);
  }
}

/** Jobs that found no permit ask again after so long: others give theirs back, or fewer are due to them. */
const AGAIN_MS = 1_000;

type Asked = Required<ServiceWorkRequest>;

interface Heard {
  reports: readonly InstanceReport[];
  probes: readonly ProbeReport[];
  startsLeft: number;
  load: ReporterLoad;
}

/** The request with numbers that can be. */
function soundRequest({
  v,
  holder,
  need,
  used,
  permits,
  startsLeft,
  inFlight,
  reports,
  probes,
}: ServiceWorkRequest): Asked {
  return {
    v,
    holder: shortName(holder),
    need: countOf(need),
    used: countOf(used),
    permits: countOf(permits),
    startsLeft: countOf(startsLeft),
    inFlight: inFlight ?? {},
    reports,
    probes: probes ?? [],
  };
}

function shortName(name: string): string {
  return name.slice(0, MAX_NAME);
}
