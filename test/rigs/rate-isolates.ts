/** Many isolates of the gateway that spend the budgets of one namespace, beside an exact limiter that hears of every request at once. */
import type { LeaseRequest } from "../../contract/rpc.ts";
import { type Quota, spend, unitsLeft } from "../../domain/gcra.ts";
import { RateLedger } from "../../durable-objects/rate-limiter/ledger.ts";
import { BucketStore } from "../../durable-objects/rate-limiter/store.ts";
import { RateBudgets, type Spender } from "../../workers/gateway/access/rate-budgets.ts";
import { openSql } from "../simulation/node-sqlite.ts";
import { Random } from "../simulation/random.ts";

/** When every simulation starts, in epoch ms. */
const START = Date.UTC(2026, 10, 30);

export interface Load {
  seed: number;
  isolates: number;
  seconds: number;
  quota: Quota;
  namespaceQuota?: Quota;
  /** Keys; each request is of one of them, drawn evenly. Left out: one. */
  keys?: number;
  /** Requests a second of one isolate at a time, in ms since the start. */
  rate(isolate: number, atMs: number): number;
  /** Units of the next request. Left out: one each. */
  cost?(random: Random): number;
  /** Of a call of the object and back, in ms; null: the call fails. Left out: 2 to 30. */
  latencyMs?(random: Random, atMs: number): number | null;
  /** The object dies so often, in ms, and starts anew from its rows. */
  diesEveryMs?: number;
}

export interface Outcome {
  /** Units that were asked for, let through, and would have been let through by the exact limiter. */
  offered: number;
  admitted: number;
  exact: number;
  requests: number;
  /** Calls of the object, and rows that it wrote. */
  calls: number;
  rows: number;
  /** The most units by which what was let through was, at any time, beyond what an exact budget of the key would have had. */
  over: number;
  /** The same of the namespace's budget. */
  overNamespace: number;
  /** The longest that a request waited for its verdict, in ms. */
  slowestMs: number;
}

/** Runs virtual time: what is due next happens next, and everything that follows from it at once. */
class Timeline {
  now = START;
  readonly #due: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  after(ms: number, run: () => void): void {
    const entry = { at: this.now + ms, order: this.#order++, run };
    let low = 0;
    let high = this.#due.length;
    // Sorted with the next one last.
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(entry, this.#due[middle])) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, entry);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  async runUntil(end: number): Promise<void> {
    for (let next = this.#due.pop(); next !== undefined && next.at <= end; next = this.#due.pop()) {
      this.now = Math.max(this.now, next.at);
      next.run();
      await settled();
    }
  }
}

function isBefore(a: { at: number; order: number }, b: { at: number; order: number } | undefined): boolean {
  return b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
}

/** Everything that waits for nothing but promises has been done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An exact budget that is told of everything: how far it was overdrawn at the worst. */
class Truth {
  readonly #quota: Quota;
  #tat = 0;
  worst = 0;

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  charge(units: number, now: number): void {
    const { units: most, windowMs } = this.#quota;
    this.#tat = Math.max(this.#tat, now) + (units * windowMs) / most;
    this.worst = Math.max(this.worst, Math.ceil((this.#tat - now - windowMs) * (most / windowMs) - 1e-6));
  }
}

/** The exact limiter: one bucket a key, and one for all, asked in the order of the requests. */
class Exact {
  readonly #load: Load;
  readonly #tats = new Map<string, number>();
  admitted = 0;

  constructor(load: Load) {
    this.#load = load;
  }

  take(key: string, units: number, now: number): void {
    const buckets: [string, Quota][] = [[key, this.#load.quota]];
    if (this.#load.namespaceQuota !== undefined) buckets.push(["", this.#load.namespaceQuota]);
    if (!buckets.every(([name, quota]) => unitsLeft(this.#tats.get(name) ?? 0, quota, now) >= units)) return;
    for (const [name, quota] of buckets) this.#tats.set(name, spend(this.#tats.get(name) ?? 0, quota, { units, now }));
    this.admitted += units;
  }
}

/** The object behind a network, which dies as the load says. */
class LimiterRig {
  readonly #load: Load;
  readonly #time: Timeline;
  readonly #random: Random;
  readonly #sql = openSql();
  readonly #rowsBefore: number;
  #ledger: RateLedger;
  calls = 0;

  constructor(load: Load, time: Timeline) {
    this.#load = load;
    this.#time = time;
    this.#random = new Random(load.seed).fork("network");
    // It has started long ago, and holds nothing back.
    this.#ledger = this.#born(START - 60_000);
    this.#rowsBefore = this.#sql.rowsWritten();
  }

  get rows(): number {
    return this.#sql.rowsWritten() - this.#rowsBefore;
  }

  die(): void {
    this.#ledger = this.#born(this.#time.now);
  }

  async lease(request: LeaseRequest) {
    this.calls++;
    const { latencyMs = (random: Random) => random.int(2, 30) } = this.#load;
    const latency = latencyMs(this.#random, this.#time.now - START);
    if (latency === null) throw new Error("away");
    await this.#time.sleep(latency / 2);
    const reply = this.#ledger.lease(request, this.#time.now);
    await this.#time.sleep(latency / 2);
    return reply;
  }

  #born(at: number): RateLedger {
    return new RateLedger(new BucketStore(this.#sql), at);
  }
}

/** Runs the load to its end. */
export async function runLoad(load: Load): Promise<Outcome> {
  const time = new Timeline();
  const limiter = new LimiterRig(load, time);
  const exact = new Exact(load);
  const truths = new Map<string, Truth>();
  const namespaceTruth = load.namespaceQuota === undefined ? null : new Truth(load.namespaceQuota);
  const outcome = { offered: 0, admitted: 0, requests: 0, slowestMs: 0 };
  const endMs = load.seconds * 1_000;

  async function request(budgets: RateBudgets, key: string, units: number): Promise<void> {
    const began = time.now;
    outcome.requests++;
    outcome.offered += units;
    exact.take(key, units, began);
    const spender: Spender = { limiter: "ns", key, quota: load.quota, namespaceQuota: load.namespaceQuota ?? null };
    const { refused } = await budgets.take({ clock: () => time.now, later: () => undefined }, spender, units);
    outcome.slowestMs = Math.max(outcome.slowestMs, time.now - began);
    if (refused !== null) return;
    outcome.admitted += units;
    const truth = truths.get(key) ?? new Truth(load.quota);
    truths.set(key, truth);
    truth.charge(units, time.now);
    namespaceTruth?.charge(units, time.now);
  }

  for (let i = 0; i < load.isolates; i++) {
    const random = new Random(load.seed).fork(`isolate ${i}`);
    const budgets = new RateBudgets({ limiter: () => limiter, sleep: (ms) => time.sleep(ms) });
    const next = () => {
      const atMs = time.now - START;
      if (atMs >= endMs) return;
      const rate = load.rate(i, atMs);
      if (rate > 0) {
        const key = `k${random.int(1, load.keys ?? 1)}`;
        void request(budgets, key, load.cost?.(random) ?? 1);
      }
      // Poisson arrivals; where nothing comes, one looks again in a moment.
      time.after(rate > 0 ? (-Math.log(1 - random.next()) * 1_000) / rate : 100, next);
    };
    time.after(random.next() * 100, next);
  }
  if (load.diesEveryMs !== undefined) everyMs(time, load.diesEveryMs, () => limiter.die());
  await time.runUntil(START + endMs + 2_000);
  const over = Math.max(0, ...[...truths.values()].map(({ worst }) => worst));
  const { calls, rows } = limiter;
  return { ...outcome, exact: exact.admitted, calls, rows, over, overNamespace: namespaceTruth?.worst ?? 0 };
}

function everyMs(time: Timeline, ms: number, run: () => void): void {
  time.after(ms, () => {
    run();
    everyMs(time, ms, run);
  });
}
