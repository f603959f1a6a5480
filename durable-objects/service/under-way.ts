import { sharesOf } from "../../domain/service/shares.ts";
import { countOf } from "./reports.ts";

/** What a reporter said counts for so long: it says it again every few seconds. */
const HEARD_MS = 15_000;
/** Isolates that are listened to. What one more has under way is not known. */
const MAX_REPORTERS = 2_000;

/** What a reporter has under way. */
export interface ReporterLoad {
  /** Requests under way at each instance, by its URL. */
  inFlight: Record<string, number>;
  /** Requests that it would have under way in all, where it has no permits for them. */
  wants: number;
}

interface Reporter extends ReporterLoad {
  /** Epoch ms. */
  at: number;
}

/** Requests under way at each instance, as far as executors and the proxy have said. In memory: it is told again in seconds. */
export class UnderWay {
  readonly #reporters = new Map<string, Reporter>();
  readonly #totals = new Map<string, number>();

  at(url: string): number {
    return this.#totals.get(url) ?? 0;
  }

  /** Takes what a reporter says in place of what it said before. URLs that `isInstance` does not know are left out. */
  hear(
    name: string,
    { inFlight, wants }: ReporterLoad,
    { isInstance, now }: { isInstance(url: string): boolean; now: number },
  ) {
    const before = this.#reporters.get(name);
    if (before !== undefined) this.#add(before.inFlight, -1);
    this.#reporters.delete(name);
    const counts = Object.entries(inFlight).filter(([url]) => isInstance(url));
    if ((counts.length === 0 && wants === 0) || this.#reporters.size >= MAX_REPORTERS) return;
    const sound = Object.fromEntries(counts.map(([url, count]) => [url, countOf(count)] as const));
    this.#add(sound, 1);
    this.#reporters.set(name, { inFlight: sound, wants: countOf(wants), at: now });
  }

  /** The part of `limit` that a reporter is due, of those that want any; and of what nobody wants, so that what comes next need not wait. */
  shareOf(name: string, limit: number): number {
    const demands = [...this.#reporters].map(([holder, { wants }]) => ({ holder, wants }));
    const wanting = demands.filter(({ wants }) => wants > 0);
    return sharesOf(limit, wanting).get(name) ?? 1;
  }

  /** Forgets what was last said too long ago. */
  expire(now: number): void {
    for (const [name, { inFlight, at }] of this.#reporters) {
      // The oldest stand first: whoever speaks again goes to the end.
      if (Math.abs(now - at) < HEARD_MS) return;
      this.#add(inFlight, -1);
      this.#reporters.delete(name);
    }
  }

  #add(inFlight: ReporterLoad["inFlight"], sign: 1 | -1): void {
    for (const [url, count] of Object.entries(inFlight)) this.#totals.set(url, this.at(url) + sign * count);
  }
}
