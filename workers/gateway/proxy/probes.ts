import type { ProbeReport } from "../../../contract/rpc/service.ts";

/** A request that may be sent as a probe of this round. */
export interface Probe {
  readonly round: number;
}

/** The probes that this isolate was given of a service whose breaker is half open, and what became of them. */
export class Probes {
  #granted: { round: number; left: number; until: number } | null = null;
  #reports = new Map<number, ProbeReport>();
  /** Requests that would have been sent as probes since the last report. */
  #wanted = 0;

  /** More may be sent until `until` (epoch ms). What is left of another round is given back. */
  grant(round: number, count: number, until: number): void {
    const left = this.#granted?.round === round ? this.#granted.left : 0;
    if (this.#granted !== null && this.#granted.round !== round)
      this.#add(this.#granted.round, { unused: this.#granted.left });
    this.#granted = { round, left: left + count, until };
  }

  /** One of them, where there is one. */
  take(now: number): Probe | null {
    const granted = this.#granted;
    if (granted === null || granted.left === 0 || granted.until <= now) {
      this.#wanted++;
      return null;
    }
    granted.left--;
    return { round: granted.round };
  }

  /** What became of one. Null: it was not sent, or nobody knows. */
  ended({ round }: Probe, ok: boolean | null): void {
    this.#add(round, ok === null ? { unused: 1 } : ok ? { succeeded: 1 } : { failed: 1 });
  }

  /** What the object is to hear, and how many would be sent now; it is forgotten here. */
  taken(): { reports: ProbeReport[]; wanted: number } {
    const taken = { reports: [...this.#reports.values()], wanted: this.#wanted };
    this.#reports = new Map();
    this.#wanted = 0;
    return taken;
  }

  /** What was taken has not come through: it is told the next time. */
  putBack(reports: readonly ProbeReport[]): void {
    for (const { round, ...counts } of reports) this.#add(round, counts);
  }

  #add(round: number, counts: Partial<Omit<ProbeReport, "round">>): void {
    const known = this.#reports.get(round) ?? { round, succeeded: 0, failed: 0, unused: 0 };
    this.#reports.set(round, {
      round,
      succeeded: known.succeeded + (counts.succeeded ?? 0),
      failed: known.failed + (counts.failed ?? 0),
      unused: known.unused + (counts.unused ?? 0),
    });
  }
}
