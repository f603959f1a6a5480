import type { ServiceSettings, Strategy } from "../../domain/service/settings.ts";
import { Random } from "../../test/simulation/random.ts";
import { type Attempt, KnownService } from "../../workers/gateway/proxy/known-service.ts";
import type { Probe } from "../../workers/gateway/proxy/probes.ts";
import { Events } from "./events.ts";
import { Instance } from "./instance.ts";
import { SharedKnowledge } from "./object.ts";
import { ENDS_AT, type Scene, TROUBLE } from "./scenes.ts";

/** What stands beside each other: a rotation that knows nothing of its instances, and Dure's strategies with all that watches over them. */
export const CONTESTANTS = ["rotation alone", "roundRobin", "leastRequests", "hash", "p2c"] as const;
export type Contestant = (typeof CONTESTANTS)[number];

const INSTANCES = 6;
const ISOLATES = 4;
/** Of all isolates together; the instances could bear twice as many. */
const REQUESTS_A_SECOND = 540;
const USERS = 500;
const TIMEOUT_MS = 1_000;
const REPORT_MS = 1_000;
const CHECK_MS = 2_000;
/** So long after the trouble everything is as before: the longest rest of the breaker is over. */
const RECOVERED_MS = 7_000;

/** What became of the requests that came while something was wrong. */
export interface Measured {
  /** The 99th percentile of how long a caller had to wait, whatever came of it, in milliseconds. */
  p99Ms: number;
  /** The part of requests that failed. */
  failed: number;
  /** How often each was sent to an instance. */
  sent: number;
  /** The part of those that failed which came more than 7 s after it was over. */
  failedAfter: number;
}

/** Runs a scene; the same seed gives the same figures. */
export function simulate(scene: Scene, contestant: Contestant, seed: number): Measured {
  const events = new Events();
  const random = new Random(seed);
  const instances = Array.from({ length: INSTANCES }, (_, index) => {
    const own = { events, random: random.fork(`instance ${index}`) };
    return new Instance(`https://instance-${index}.example`, (now) => scene.condition(index, now), own);
  });
  const settings = settingsOf(contestant, instances);
  const shared = new SharedKnowledge(settings);
  const isolates = Array.from(
    { length: ISOLATES },
    (_, i) => new Isolate(`isolate ${i}`, { events, shared, instances, random }),
  );
  if (settings.healthCheck !== null) every(events, CHECK_MS, () => shared.check(instances, events.now));
  for (const [i, isolate] of isolates.entries()) {
    events.after((i * REPORT_MS) / ISOLATES, () => every(events, REPORT_MS, () => isolate.refresh()));
  }
  arrivals(events, random.fork("arrivals"), (key) => random.pick(isolates).request(key));
  events.runUntil(TROUBLE.from);
  const before = received(instances);
  events.runUntil(TROUBLE.to);
  const sent = received(instances) - before;
  events.runUntil(ENDS_AT);
  return measured(
    isolates.flatMap(({ results }) => results),
    sent,
  );
}

function settingsOf(contestant: Contestant, instances: readonly Instance[]): ServiceSettings {
  const alone = contestant === "rotation alone";
  const strategy: Strategy = contestant === "rotation alone" ? "roundRobin" : contestant;
  return {
    namespace: "default",
    name: "simulated",
    version: 1,
    deleted: false,
    instances: instances.map(({ url }) => ({ url, weight: 1, zone: null })),
    strategy,
    healthCheck: alone
      ? null
      : {
          path: "/healthz",
          intervalMs: CHECK_MS,
          timeoutMs: TIMEOUT_MS,
          healthyThreshold: 2,
          unhealthyThreshold: 2,
          expect: { from: 200, to: 299 },
        },
    outlier: alone ? null : { consecutiveFailures: 5, baseEjectionMs: 5_000, maxEjectedPercent: 50 },
    breaker: alone ? null : { failureRate: 0.5, minRequests: 20, windowMs: 5_000, openForMs: 5_000, halfOpenProbes: 5 },
    bulkhead: null,
    timeoutMs: 30_000,
    firstByteTimeoutMs: TIMEOUT_MS,
    retry: { attempts: alone ? 1 : 2, perTryTimeoutMs: null, budgetPercent: 20 },
    rate: null,
    createdAt: 0,
    updatedAt: 0,
  };
}

function every(events: Events, ms: number, run: () => void): void {
  run();
  events.after(ms, () => every(events, ms, run));
}

/** Requests come by themselves, at an even rate on the whole (a Poisson process). */
function arrivals(events: Events, random: Random, request: (key: string) => void): void {
  const next = () => {
    request(`user-${random.int(1, USERS)}`);
    events.after((-Math.log(1 - random.next()) * 1000) / REQUESTS_A_SECOND, next);
  };
  next();
}

function received(instances: readonly Instance[]): number {
  return instances.reduce((sum, instance) => sum + instance.received, 0);
}

interface Result {
  ok: boolean;
  at: number;
  ms: number;
}

function measured(results: readonly Result[], sent: number): Measured {
  const counted = results.filter(({ at }) => at >= TROUBLE.from && at < TROUBLE.to);
  const times = counted.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    failed: failedPart(counted),
    sent: sent / counted.length,
    failedAfter: failedPart(results.filter(({ at }) => at >= TROUBLE.to + RECOVERED_MS)),
  };
}

function failedPart(results: readonly Result[]): number {
  return results.filter(({ ok }) => !ok).length / results.length;
}

interface Around {
  events: Events;
  shared: SharedKnowledge;
  instances: readonly Instance[];
  random: Random;
}

/** An isolate of the gateway: what it knows is what the proxy's isolates know, by the proxy's own code. */
class Isolate {
  readonly results: Result[] = [];
  readonly #name: string;
  readonly #around: Around;
  readonly #random: Random;
  readonly #known: KnownService;

  constructor(name: string, around: Around) {
    this.#name = name;
    this.#around = around;
    this.#random = around.random.fork(name);
    const reply = around.shared.observe({ holder: name, reports: [] }, around.events.now);
    if (reply.type !== "snapshot") throw new Error("there is a service");
    this.#known = new KnownService(reply, around.events.now);
  }

  refresh(): void {
    const { shared, events } = this.#around;
    const reply = shared.observe({ holder: this.#name, ...this.#known.report() }, events.now);
    if (reply.type === "snapshot") this.#known.learn(reply, events.now);
  }

  request(key: string): void {
    const began = this.#around.events.now;
    const end = (ok: boolean) => this.results.push({ ok, at: began, ms: this.#around.events.now - began });
    let verdict = this.#known.verdict(began);
    if (verdict.type === "open" && verdict.nextMs === 0) {
      this.refresh();
      verdict = this.#known.verdict(began);
    }
    if (verdict.type === "open") {
      end(false);
      return;
    }
    const place = this.#known.enter(TIMEOUT_MS * 2, began);
    this.#send(key, { probe: verdict.probe, tried: new Set() }, (ok) => {
      place?.end();
      end(ok);
    });
  }

  #send(key: string, { probe, tried }: { probe: Probe | null; tried: Set<string> }, end: (ok: boolean) => void): void {
    const { events, instances } = this.#around;
    const known = this.#known;
    const chosen = known.choose({ key, tried, random: () => this.#random.next() }, events.now);
    const instance = instances.find(({ url }) => url === chosen?.url);
    if (instance === undefined) throw new Error("a service has instances");
    const attempt = known.begin(instance.url, { ms: TIMEOUT_MS, probe }, events.now);
    const began = events.now;
    let open = true;
    const finish = (ok: boolean) => {
      if (!open) return;
      open = false;
      note(attempt, ok, { ms: events.now - began, now: events.now });
      tried.add(instance.url);
      const mayTry = !ok && probe === null && tried.size < known.settings.retry.attempts;
      if (mayTry && known.mayRetry(events.now)) this.#send(key, { probe, tried }, end);
      else end(ok);
    };
    instance.receive(finish);
    events.after(TIMEOUT_MS, () => finish(false));
  }
}

function note(attempt: Attempt, ok: boolean, { ms, now }: { ms: number; now: number }): void {
  attempt.note({ ok, ms: ok || ms >= TIMEOUT_MS ? ms : null }, now);
  attempt.end();
}
