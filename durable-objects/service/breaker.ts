import type { ProbeReport, ServiceEvent, ServiceSnapshot } from "../../contract/rpc/service.ts";
import {
  type Breaker,
  breakerAt,
  breakerRoom,
  CLOSED,
  type ProbeGrant,
  withOutcomes,
  withProbeOutcomes,
  withProbes,
} from "../../domain/service/breaker.ts";
import type { BreakerSettings } from "../../domain/service/settings.ts";
import { withEvent } from "./events.ts";
import { RENEW_BELOW_MS } from "./holders.ts";
import { countOf } from "./reports.ts";
import type { Facts, ServiceStore } from "./store.ts";

/** When all probes are under way, it is worth asking again then. */
const PROBES_UNDER_WAY_MS = 1_000;

interface Round {
  holder: string;
  /** Probes that the holder says it has not made. */
  unused: number;
  reports: readonly ProbeReport[];
  now: number;
}

/**
 * The breaker of a service with its storage. It is written when it opens, is half open, gives probes, hears of them or closes: one row
 * each. What it counts while it is closed is in memory: a service whose object was started again begins a new window.
 */
export class ServiceBreaker {
  readonly #store: ServiceStore;
  #settings: BreakerSettings | null = null;
  #breaker: Breaker;
  #events: ServiceEvent[];

  constructor(store: ServiceStore, stored: Facts["breaker"] | undefined) {
    this.#store = store;
    this.#breaker = stored?.breaker ?? CLOSED;
    this.#events = stored?.events ?? [];
  }

  follow(settings: BreakerSettings | null, now: number): void {
    this.#settings = settings;
    if (settings !== null || this.#breaker.state === "closed") return;
    this.#become({ ...CLOSED, round: this.#breaker.round }, "The service has no breaker any more.", now);
  }

  /** Forgets all: the service is gone. */
  clear(): void {
    this.#breaker = CLOSED;
    this.#events = [];
    this.#store.forget("breaker");
  }

  /** The breaker as it is now: a rest that is over ends, probes whose lease has ended are forgotten. */
  tick(now: number): void {
    if (this.#settings === null) return;
    this.#become(breakerAt(this.#breaker, this.#settings, now), "Its rest is over: probes may pass.", now);
  }

  /** Takes outcomes of requests, those of probes among them: while it is not closed they change nothing. */
  hear(outcomes: { succeeded: number; failed: number }, now: number): void {
    if (this.#settings === null) return;
    const after = withOutcomes(this.#breaker, this.#settings, { ...outcomes, now });
    this.#become(after, "Too many requests failed.", now);
  }

  /** Takes what became of a holder's probes. */
  hearProbes({ holder, unused, reports, now }: Round): void {
    const settings = this.#settings;
    if (settings === null || this.#breaker.state !== "halfOpen") return;
    const { round } = this.#breaker;
    const own = reports.filter((report) => report.round === round);
    const sum = (pick: (report: ProbeReport) => unknown) => own.reduce((total, one) => total + countOf(pick(one)), 0);
    // Nobody hears of more probes than were given: what is said twice counts once.
    let left = this.#given(holder);
    const upTo = (count: number) => {
      const counted = Math.min(left, count);
      left -= counted;
      return counted;
    };
    const failed = upTo(sum((one) => one.failed));
    const succeeded = upTo(sum((one) => one.succeeded));
    const spent = upTo(sum((one) => one.spent));
    const back = upTo(
      Math.max(
        unused,
        sum((one) => one.unused),
      ),
    );
    if (failed + succeeded + spent + back === 0) return;
    const outcomes = { round, holder, succeeded, failed, unused: back, spent, now };
    const after = withProbeOutcomes(this.#breaker, settings, outcomes);
    this.#become(after, failed > 0 ? "A probe failed." : "Its probes succeeded.", now);
  }

  /** How many requests may begin now; no limit is Infinity. */
  room(now: number): number {
    return this.#settings === null ? Number.POSITIVE_INFINITY : breakerRoom(this.#breaker, this.#settings, now);
  }

  get halfOpen(): boolean {
    return this.#breaker.state === "halfOpen";
  }

  /** Probes were given: of these there are so many fewer until they are told of, or the lease has ended. */
  give(holder: string, count: number, until: number): void {
    this.#breaker = withProbes(this.#breaker, { holder, count, until });
    this.#write();
  }

  /** A holder is there still: probes that it has under way count until then, where their time is short. One row, if any is. */
  keep(holder: string, { until, now }: { until: number; now: number }): void {
    const breaker = this.#breaker;
    if (breaker.state !== "halfOpen") return;
    const isShort = (probe: ProbeGrant) => probe.holder === holder && probe.until - now < RENEW_BELOW_MS;
    if (!breaker.probes.some(isShort)) return;
    const probes = breaker.probes.map((probe) => (isShort(probe) ? { ...probe, until } : probe));
    this.#breaker = { ...breaker, probes };
    this.#write();
  }

  /** Milliseconds until a request may begin that may not now. */
  nextMs(now: number): number {
    return this.#breaker.state === "open" ? Math.max(0, this.#breaker.until - now) : PROBES_UNDER_WAY_MS;
  }

  snapshot(now: number): ServiceSnapshot["breaker"] {
    const { state, round } = this.#breaker;
    if (state === "closed") return { state, nextProbeMs: null };
    return { state, nextProbeMs: state === "open" ? this.nextMs(now) : null, round };
  }

  view(): { state: Breaker["state"]; nextProbeAt: number | null; events: ServiceEvent[] } {
    const { state } = this.#breaker;
    return { state, nextProbeAt: this.#breaker.state === "open" ? this.#breaker.until : null, events: this.#events };
  }

  #given(holder: string): number {
    if (this.#breaker.state !== "halfOpen") return 0;
    return this.#breaker.probes.reduce((sum, probe) => sum + (probe.holder === holder ? probe.count : 0), 0);
  }

  #become(next: Breaker, because: string, now: number): void {
    const before = this.#breaker;
    this.#breaker = next;
    if (next.state !== before.state) {
      this.#events = withEvent(this.#events, { at: now, url: null, from: before.state, to: next.state, because });
      this.#write();
    } else if (next !== before && next.state !== "closed") this.#write();
  }

  #write(): void {
    const breaker = this.#breaker.state === "closed" ? { ...this.#breaker, window: [] } : this.#breaker;
    this.#store.put("breaker", { breaker, events: this.#events });
  }
}
