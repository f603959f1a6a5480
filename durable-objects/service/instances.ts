import type { InstanceReport, InstanceSnapshot, ServiceState } from "../../contract/rpc/service.ts";
import {
  type Ejection,
  ejected,
  NOT_EJECTED,
  readmitted,
  withInstanceOutcomes,
} from "../../domain/service/ejection.ts";
import { type Health, UNPROBED, withProbe } from "../../domain/service/health.ts";
import { ewmaAt, type PeakEwma, withTimings } from "../../domain/service/peak-ewma.ts";
import type { HealthCheckSettings, OutlierSettings, ServiceSettings } from "../../domain/service/settings.ts";
import { type CountWindow, sumsOf, withCounts } from "../../domain/service/window.ts";
import { withEvent } from "./events.ts";
import type { InstanceRecord, ServiceStore } from "./store.ts";
import type { UnderWay } from "./under-way.ts";

/** The success rate that is shown looks back so far. */
const SHOWN_MS = 60_000;

/** What came of one check of an instance. */
export interface CheckResult {
  url: string;
  ok: boolean;
  /** A sentence. */
  detail: string;
}

type State = InstanceSnapshot["state"];

interface Instance {
  url: string;
  ejection: Ejection;
  health: Health;
  ewma: PeakEwma | null;
  /** Successes and failures of the last minute. */
  outcomes: CountWindow;
  lastCheck: ServiceState["instances"][number]["lastCheck"];
  state: State;
  since: number;
  because: string;
  events: InstanceRecord["events"];
}

/** The instances of a service. A change of one's state is written down, one row; what is between two changes is in memory. */
export class Instances {
  readonly #store: ServiceStore;
  readonly #stored: Map<string, InstanceRecord>;
  #all = new Map<string, Instance>();
  #outlier: OutlierSettings | null = null;
  #thresholds: HealthCheckSettings | null = null;

  constructor(store: ServiceStore, stored: Map<string, InstanceRecord>) {
    this.#store = store;
    this.#stored = stored;
  }

  /** Goes by these settings. Instances that stay keep what is known of them, those that are gone are forgotten: a row each. */
  follow({ instances, outlier, healthCheck }: ServiceSettings, now: number): void {
    const next = new Map(instances.map(({ url }) => [url, this.#all.get(url) ?? this.#loaded(url, now)]));
    this.#all = next;
    for (const url of this.#stored.keys()) {
      if (next.has(url)) continue;
      this.#store.forgetInstance(url);
      this.#stored.delete(url);
    }
    this.#outlier = outlier;
    this.#thresholds = healthCheck;
    for (const instance of next.values()) {
      if (outlier === null) instance.ejection = readmitted(instance.ejection, now);
      if (healthCheck === null) {
        instance.health = UNPROBED;
        instance.lastCheck = null;
      }
      this.#note(instance, { now, because: "The settings of the service were changed." });
    }
  }

  /** Their URLs, in the order of the settings. */
  get urls(): string[] {
    return [...this.#all.keys()];
  }

  has(url: string): boolean {
    return this.#all.has(url);
  }

  /** Takes what became of requests: the reports are sound, and of instances that there are. */
  report(reports: readonly InstanceReport[], now: number): void {
    for (const report of reports) {
      const instance = this.#all.get(report.url);
      if (instance === undefined) continue;
      const { succeeded, failed, timed } = report;
      instance.ewma = withTimings(instance.ewma, timed, now);
      instance.outcomes = withCounts(instance.outcomes, SHOWN_MS, { counts: [succeeded, failed], now });
      if (this.#outlier !== null) instance.ejection = withInstanceOutcomes(instance.ejection, report, now);
    }
  }

  /** Lets those in whose time is over, and takes those out that failed too often. */
  eject(now: number): void {
    if (this.#outlier === null) return;
    const all = [...this.#all.values()];
    const after = ejected(
      all.map(({ ejection }) => ejection),
      this.#outlier,
      now,
    );
    all.forEach((instance, i) => {
      const ejection = after[i];
      if (ejection === undefined || ejection === instance.ejection) return;
      const { failuresInRow } = instance.ejection;
      instance.ejection = ejection;
      const because =
        ejection.until === null ? "The time of its ejection is over." : `${failuresInRow} requests in a row failed.`;
      this.#note(instance, { now, because });
    });
  }

  /** Takes what came of checks. Those of instances that are gone by now, or that are not checked any more, change nothing. */
  checked(results: readonly CheckResult[], now: number): void {
    for (const { url, ok, detail } of results) {
      const instance = this.#all.get(url);
      if (instance === undefined || this.#thresholds === null) continue;
      instance.lastCheck = { at: now, ok, detail };
      instance.health = withProbe(instance.health, ok, this.#thresholds);
      const because = ok ? "It passes its health checks again." : `It fails its health checks. ${detail}`;
      this.#note(instance, { now, because });
    }
  }

  snapshots(underWay: UnderWay, now: number): InstanceSnapshot[] {
    return [...this.#all.values()].map(({ url, state, since, ewma }) => ({
      url,
      state,
      sinceMs: Math.max(0, now - since),
      ewmaMs: ewmaAt(ewma, now),
      inFlight: underWay.at(url),
    }));
  }

  states(underWay: UnderWay, now: number): ServiceState["instances"] {
    return [...this.#all.values()].map(({ url, state, because, ewma, outcomes, lastCheck, events }) => {
      const [good, bad] = sumsOf(outcomes, SHOWN_MS, now);
      return {
        url,
        state,
        because,
        inFlight: underWay.at(url),
        ewmaMs: ewmaAt(ewma, now),
        successRate: good + bad === 0 ? null : good / (good + bad),
        lastCheck,
        events,
      };
    });
  }

  #loaded(url: string, now: number): Instance {
    const record = this.#stored.get(url);
    const ejection = record?.ejection ?? NOT_EJECTED;
    const health = record === undefined ? UNPROBED : { healthy: record.healthy, contrary: 0 };
    return {
      url,
      ejection,
      health,
      ewma: null,
      outcomes: [],
      lastCheck: null,
      state: stateOf(ejection, health),
      since: record?.since ?? now,
      because: record?.because ?? "Nothing speaks against it.",
      events: record?.events ?? [],
    };
  }

  /** Writes down a change of its state, if it has changed. */
  #note(instance: Instance, { now, because }: { now: number; because: string }): void {
    const { url, ejection, health, state: from } = instance;
    const to = stateOf(ejection, health);
    if (to === from) return;
    const events = withEvent(instance.events, { at: now, url, from, to, because });
    Object.assign(instance, { state: to, since: now, because, events });
    const record = { ejection, healthy: health.healthy, since: now, because, events };
    this.#stored.set(url, record);
    this.#store.putInstance(url, record);
  }
}

/** One that is out for what it did is out, whatever its checks say. */
function stateOf({ until }: Ejection, { healthy }: Health): State {
  if (until !== null) return "ejected";
  return healthy ? "healthy" : "unhealthy";
}
