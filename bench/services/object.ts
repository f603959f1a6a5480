import type { ServiceObserveReply, ServiceObserveRequest } from "../../contract/rpc/service.ts";
import {
  type Breaker,
  breakerAt,
  breakerRoom,
  CLOSED,
  withOutcomes,
  withProbeOutcomes,
  withProbes,
} from "../../domain/service/breaker.ts";
import { type Ejection, ejected, NOT_EJECTED, withInstanceOutcomes } from "../../domain/service/ejection.ts";
import { type Health, UNPROBED, withProbe } from "../../domain/service/health.ts";
import { ewmaAt, type PeakEwma, withTimings } from "../../domain/service/peak-ewma.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import type { Instance } from "./instance.ts";

interface Kept {
  ejection: Ejection;
  health: Health;
  ewma: PeakEwma | null;
  state: "healthy" | "unhealthy" | "ejected";
  since: number;
}

const LEASE_MS = 5_000;

/** What all isolates know together of a service: the policies over what they report, and checks of health. */
export class SharedKnowledge {
  readonly #settings: ServiceSettings;
  readonly #kept: Map<string, Kept>;
  #breaker: Breaker = CLOSED;

  constructor(settings: ServiceSettings) {
    this.#settings = settings;
    const kept = (): Kept => ({ ejection: NOT_EJECTED, health: UNPROBED, ewma: null, state: "healthy", since: -1e9 });
    this.#kept = new Map(settings.instances.map(({ url }) => [url, kept()]));
  }

  check(instances: readonly Instance[], now: number): void {
    const { healthCheck } = this.#settings;
    if (healthCheck === null) return;
    for (const instance of instances) {
      const kept = this.#kept.get(instance.url);
      if (kept !== undefined) kept.health = withProbe(kept.health, instance.isWell(), healthCheck);
    }
    this.#judge(now);
  }

  observe(request: Omit<ServiceObserveRequest, "v">, now: number): ServiceObserveReply {
    const { breaker: settings, outlier } = this.#settings;
    for (const report of request.reports) {
      const kept = this.#kept.get(report.url);
      if (kept === undefined) continue;
      if (outlier !== null) kept.ejection = withInstanceOutcomes(kept.ejection, report, now);
      kept.ewma = withTimings(kept.ewma, report.timed, now);
    }
    this.#judge(now);
    const probes = settings === null ? 0 : this.#probes(request, settings, now);
    return { type: "snapshot", snapshot: this.#snapshot(now), probes: { count: probes, leaseMs: LEASE_MS } };
  }

  #probes(
    request: Omit<ServiceObserveRequest, "v">,
    settings: NonNullable<ServiceSettings["breaker"]>,
    now: number,
  ): number {
    const holder = request.holder ?? "";
    const sum = (of: "succeeded" | "failed") => request.reports.reduce((total, report) => total + report[of], 0);
    let breaker = breakerAt(this.#breaker, settings, now);
    breaker = withOutcomes(breaker, settings, { succeeded: sum("succeeded"), failed: sum("failed"), now });
    for (const probes of request.probes ?? [])
      breaker = withProbeOutcomes(breaker, settings, { spent: 0, ...probes, holder, now });
    const count =
      breaker.state === "halfOpen" ? Math.min(request.wantsProbes ?? 0, breakerRoom(breaker, settings, now)) : 0;
    this.#breaker = withProbes(breaker, { holder, count, until: now + LEASE_MS });
    return count;
  }

  #snapshot(now: number) {
    const breaker = this.#breaker;
    return {
      settings: this.#settings,
      breaker: {
        state: breaker.state,
        nextProbeMs: breaker.state === "open" ? Math.max(0, breaker.until - now) : null,
        ...(breaker.state === "halfOpen" ? { round: breaker.round } : {}),
      },
      instances: [...this.#kept].map(([url, { state, since, ewma }]) => ({
        url,
        state,
        sinceMs: now - since,
        ewmaMs: ewmaAt(ewma, now),
        inFlight: 0,
      })),
    };
  }

  #judge(now: number): void {
    const all = [...this.#kept.values()];
    const { outlier } = this.#settings;
    const judged =
      outlier === null
        ? all.map(({ ejection }) => ejection)
        : ejected(
            all.map(({ ejection }) => ejection),
            outlier,
            now,
          );
    all.forEach((kept, i) => {
      kept.ejection = judged[i] ?? kept.ejection;
      const state = kept.ejection.until !== null ? "ejected" : kept.health.healthy ? "healthy" : "unhealthy";
      if (state !== kept.state) kept.since = now;
      kept.state = state;
    });
  }
}
