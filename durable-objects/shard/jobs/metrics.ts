import { Part } from "../kernel/part.ts";

/** What a shard tells of itself: since its object woke, in memory, never the truth about a job. */

const WINDOW_SECONDS = 60;
const MAX_SAMPLES = 1_000;

interface QueueWindow {
  accepted: Float64Array;
  started: Float64Array;
  finished: Float64Array;
  /** The second each cell stands for. */
  second: Float64Array;
  latencies: { at: number; ms: number }[];
  lastClaimAt: number | null;
}

type Counter = "accepted" | "started" | "finished";

export class Metrics {
  readonly totals = {
    accepted: 0,
    started: 0,
    finished: 0,
    staleReports: 0,
    leaseExpired: 0,
    bells: 0,
    refused: 0,
    spawned: 0,
    spawnsRefused: 0,
    firesFired: 0,
    firesSkipped: 0,
    firesMissed: 0,
    eventsDelivered: 0,
    eventsFailed: 0,
    eventsDropped: 0,
  };
  readonly since: number;
  #queues = new Map<number, QueueWindow>();
  /** Of all queues together. */
  readonly #all = newWindow();

  constructor(now: number) {
    this.since = now;
  }

  /** Counts jobs of a queue that were accepted, started or have ended at `now` (epoch milliseconds). */
  add(queue: number, { counter, jobs }: { counter: Counter; jobs: number }, now: number): void {
    this.totals[counter] += jobs;
    for (const window of [this.#window(queue), this.#all]) {
      const cell = this.#cell(window, now);
      window[counter][cell] = (window[counter][cell] ?? 0) + jobs;
    }
  }

  finished(queue: number, latencyMs: number, now: number): void {
    this.add(queue, { counter: "finished", jobs: 1 }, now);
    const { latencies } = this.#window(queue);
    // A ring: beyond its size each new sample replaces the oldest.
    if (latencies.length >= MAX_SAMPLES) latencies.shift();
    latencies.push({ at: now, ms: latencyMs });
  }

  claimed(queue: number, now: number): void {
    this.#window(queue).lastClaimAt = now;
  }

  /** When a worker last asked this queue for work; since before the object woke counts as never. */
  lastClaimAt(queue: number): number | null {
    return this.#queues.get(queue)?.lastClaimAt ?? null;
  }

  /** Of a queue, or of all (null): mean per second over the last minute, or since the object woke when that is shorter. */
  perSecond(queue: number | null, now: number): Record<Counter, number> {
    const window = queue === null ? this.#all : this.#window(queue);
    this.#cell(window, now);
    const seconds = Math.min(WINDOW_SECONDS, Math.max(1, (now - this.since) / 1000));
    const oldest = Math.floor(now / 1000) - WINDOW_SECONDS;
    const rate = (cells: Float64Array) =>
      cells.reduce((sum, n, i) => sum + ((window.second[i] ?? 0) > oldest ? n : 0), 0) / seconds;
    return { accepted: rate(window.accepted), started: rate(window.started), finished: rate(window.finished) };
  }

  /** Jobs of all queues that were accepted or started in this second or the one before. */
  atWork(now: number): number {
    const second = Math.floor(now / 1000);
    return [second, second - 1].reduce((sum, at) => {
      const cell = ((at % WINDOW_SECONDS) + WINDOW_SECONDS) % WINDOW_SECONDS;
      if (this.#all.second[cell] !== at) return sum;
      return sum + (this.#all.accepted[cell] ?? 0) + (this.#all.started[cell] ?? 0);
    }, 0);
  }

  /** Sorted, of the last minute. */
  latencies(queue: number, now: number): number[] {
    return this.#window(queue)
      .latencies.filter((sample) => sample.at > now - WINDOW_SECONDS * 1000)
      .map((sample) => sample.ms)
      .sort((a, b) => a - b);
  }

  /** The queue is gone. */
  forget(queue: number): void {
    this.#queues.delete(queue);
  }

  #window(queue: number): QueueWindow {
    let window = this.#queues.get(queue);
    if (window === undefined) {
      window = newWindow();
      this.#queues.set(queue, window);
    }
    return window;
  }

  #cell(window: QueueWindow, now: number): number {
    const second = Math.floor(now / 1000);
    const cell = ((second % WINDOW_SECONDS) + WINDOW_SECONDS) % WINDOW_SECONDS;
    if (window.second[cell] !== second) {
      window.second[cell] = second;
      window.accepted[cell] = 0;
      window.started[cell] = 0;
      window.finished[cell] = 0;
    }
    return cell;
  }
}

function newWindow(): QueueWindow {
  const cells = () => new Float64Array(WINDOW_SECONDS);
  return {
    accepted: cells(),
    started: cells(),
    finished: cells(),
    second: cells(),
    latencies: [],
    lastClaimAt: null,
  };
}

export const METRICS = new Part("metrics", ({ startedAt }) => new Metrics(startedAt));
