import type { ProbeReport } from "../../../contract/rpc/service.ts";

/** After its time, one of whose end nobody heard has ended all the same: the runtime may end it with its client, without a word. */
const GRACE_MS = 5_000;

/** A request that may be sent as a probe of this round. */
export interface Probe {
  readonly round: number;
}

/** The probes that this isolate was given of a service whose breaker is half open, and what became of them. */
export class Probes {
  #granted: { round: number; left: number; until: number } | null = null;
  #reports = new Map<number, Required<ProbeReport>>();
  /** Those that were sent and have told nothing yet, with the time at which that is given up. */
  readonly #sent = new Map<Probe, number>();
  /** Requests that would have been sent as probes since the last report. */
  #wanted = 0;

  /** More may be sent until `until` (epoch ms). What is left of another round is given back. */
  grant(round: number, count: number, until: number): void {
    const left = this.#granted?.round === round ? this.#granted.left : 0;
    if (this.#granted !== null && this.#granted.round !== round)
      this.#add(this.#granted.round, { unused: this.#granted.left });
    this.#granted = { round, left: left + count, until };
  }

  /** One of them, where there is one of the breaker's `round`, which is null where it is in none. Null: there is none to give. */
  take(round: number | null, now: number): Probe | null {
    this.#forget(now);
    const granted = this.#granted;
    if (granted === null || granted.round !== round || granted.left === 0 || granted.until <= now) {
      this.#wanted++;
      return null;
    }
    granted.left--;
    return { round: granted.round };
  }

  /** One was not sent. */
  giveBack({ round }: Probe): void {
    this.#add(round, { unused: 1 });
  }

  /** One is sent, and takes `ms` at most. */
  sent(probe: Probe, ms: number, now: number): void {
    this.#sent.set(probe, now + ms + GRACE_MS);
  }

  /** What became of one that was sent. Null: nobody knows. */
  ended(probe: Probe, ok: boolean | null): void {
    if (!this.#sent.delete(probe)) return;
    this.#add(probe.round, ok === null ? { spent: 1 } : ok ? { succeeded: 1 } : { failed: 1 });
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

  #forget(now: number): void {
    for (const [probe, until] of this.#sent) if (until <= now) this.ended(probe, null);
  }

  #add(round: number, counts: Partial<Omit<ProbeReport, "round">>): void {
    const known = this.#reports.get(round) ?? { round, succeeded: 0, failed: 0, unused: 0, spent: 0 };
    this.#reports.set(round, {
      round,
      succeeded: known.succeeded + (counts.succeeded ?? 0),
      failed: known.failed + (counts.failed ?? 0),
      unused: known.unused + (counts.unused ?? 0),
      spent: known.spent + (counts.spent ?? 0),
    });
  }
}
