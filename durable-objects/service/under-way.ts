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
  /** The share that it was given then. */
  share: number;
}

/** An isolate makes use of a share for so long at most, and then asks anew. */
const SHARE_MS = 2_500;
/** Of what it is due, an isolate gets a part at once, also where others were given it a moment ago: they will hear of it. */
const AT_ONCE = 1 / 4;

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
    this.#reporters.set(name, { inFlight: sound, wants: countOf(wants), at: now, share: 0 });
  }

  /**
   * The part of `limit` that a reporter gets which has just spoken: what it is due of what those want that want any, and of what nobody
   * wants, so that what comes next need not wait. What others were given a moment ago it gets for the most part when they have given way.
   */
  shareOf(name: string, limit: number, now: number): number {
    const wanting = [...this.#reporters].filter(([, { wants }]) => wants > 0);
    const due =
      sharesOf(
        limit,
        wanting.map(([holder, { wants }]) => ({ holder, wants })),
      ).get(name) ?? 1;
    const others = wanting.reduce((sum, [holder, other]) => sum + (holder === name ? 0 : mayHave(other, now)), 0);
    const share = Math.max(1, Math.ceil(due * AT_ONCE), Math.min(due, limit - others));
    const reporter = this.#reporters.get(name);
    if (reporter !== undefined) reporter.share = share;
    return share;
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

/** What an isolate may have under way, as far as it was told: later than that, what it had. */
function mayHave({ share, wants, at }: Reporter, now: number): number {
  return Math.abs(now - at) < SHARE_MS ? share : Math.min(share, wants);
}
