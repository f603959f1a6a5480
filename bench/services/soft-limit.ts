import { UnderWay } from "../../durable-objects/service/under-way.ts";
import { serviceReply, serviceSettings } from "../../test/rigs/service-parts.ts";
import { Random } from "../../test/simulation/random.ts";
import { KnownService } from "../../workers/gateway/proxy/known-service.ts";
import { Events } from "./events.ts";

/** How far the limit of the proxy is passed, which its isolates share out among themselves once a second. */

const LIMIT = 40;
const RUNS_MS = 120_000;
const REFRESH_MS = 1_000;
const SAMPLE_MS = 10;
/** An isolate has bursts, in which it wants more than its even part, and is quiet in between; each lasts so long on average. */
const PHASE_MS = 3_000;
const WORK_MS = 200;
/** Requests that one isolate is sent each second in a burst, where all together want the limit twice over. */
const burstRate = (isolates: number) => (4 * LIMIT * 1000) / (WORK_MS * isolates);
const MOST_WAITING = 100;

export interface SoftLimit {
  /** The most that were under way at once, as a multiple of the limit. */
  most: number;
  /** The part of the time in which more were under way than the limit. */
  above: number;
  /** How many were under way in that time on average, as a multiple of the limit; 1 where there was none. */
  average: number;
  /** What was under way on average, as a part of the limit, while at least as much was wanted. */
  used: number;
}

/** Runs so many isolates for two minutes; the same seed gives the same figures. */
export function softLimit(isolates: number, seed: number): SoftLimit {
  const events = new Events();
  const random = new Random(seed);
  const object = new UnderWay();
  const all = Array.from(
    { length: isolates },
    (_, i) => new Sender(`isolate ${i}`, { events, object, random: random.fork(String(i)), rate: burstRate(isolates) }),
  );
  const counts: number[] = [];
  const wanted: number[] = [];
  const sample = () => {
    counts.push(all.reduce((sum, one) => sum + one.underWay, 0));
    wanted.push(all.reduce((sum, one) => sum + one.wants, 0));
    events.after(SAMPLE_MS, sample);
  };
  sample();
  events.runUntil(RUNS_MS);
  const above = counts.filter((count) => count > LIMIT);
  const busy = counts.filter((_, i) => (wanted[i] ?? 0) >= LIMIT);
  return {
    most: Math.max(...counts) / LIMIT,
    above: above.length / counts.length,
    average: above.length === 0 ? 1 : mean(above) / LIMIT,
    used: mean(busy) / LIMIT,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

interface Around {
  events: Events;
  object: UnderWay;
  random: Random;
  rate: number;
}

/** An isolate whose requests are let through by the proxy's own code, and tell the service's object what they want. */
class Sender {
  readonly #name: string;
  readonly #around: Around;
  #known: KnownService | null = null;
  #waiting = 0;
  #isBusy = false;

  constructor(name: string, around: Around) {
    this.#name = name;
    this.#around = around;
    this.#next();
    this.#phase();
  }

  get underWay(): number {
    return this.#known?.underWay(this.#around.events.now).requests ?? 0;
  }

  get wants(): number {
    return this.underWay + this.#waiting;
  }

  #phase(): void {
    const { events, random } = this.#around;
    this.#isBusy = random.chance(0.5);
    events.after(-Math.log(1 - random.next()) * PHASE_MS, () => this.#phase());
  }

  #next(): void {
    const { events, random, rate } = this.#around;
    events.after((-Math.log(1 - random.next()) * 1000) / rate, () => this.#next());
    if (!this.#isBusy || this.#waiting >= MOST_WAITING) return;
    this.#waiting++;
    this.#send();
  }

  /** Lets those through for which there is room. */
  #send(): void {
    const { events, random } = this.#around;
    const known = this.#fresh();
    while (this.#waiting > 0) {
      const place = known.enter(60_000, events.now);
      if (place === null) return;
      this.#waiting--;
      events.after(WORK_MS * (0.5 + random.next()), () => {
        place.end();
        this.#send();
      });
    }
  }

  /** What it knows, asked anew once it is a second old. */
  #fresh(): KnownService {
    const { events, object } = this.#around;
    const { now } = events;
    if (this.#known !== null && this.#known.ageMs(now) < REFRESH_MS) return this.#known;
    object.expire(now);
    object.hear(this.#name, { inFlight: {}, wants: Math.max(1, this.wants) }, { isInstance: () => true, now });
    const settings = serviceSettings({ bulkhead: { maxInFlight: LIMIT, maxWaiting: MOST_WAITING } });
    const reply = serviceReply(settings, { share: object.shareOf(this.#name, LIMIT, now) });
    if (this.#known === null) this.#known = new KnownService(reply, now);
    else this.#known.learn(reply, now);
    return this.#known;
  }
}

/** The figures for some numbers of isolates, as a table in Markdown. */
export function softLimitTable(): string {
  const rows = [1, 2, 8, 20].map((isolates) => {
    const { most, above, average, used } = softLimit(isolates, 1);
    const percent = (part: number) => `${(part * 100).toFixed(0)} %`;
    return [String(isolates), percent(most), percent(above), percent(average), percent(used)];
  });
  const head = ["isolates", "most at once", "time above the limit", "average in that time", "used while wanted"];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}
