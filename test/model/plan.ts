/** What a history is about: a few queues and their limits. */
import fc from "fast-check";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Rate } from "../../domain/rate.ts";
import type { Target } from "../../domain/target.ts";

export const START = 1_800_000_000_000;

/** Limits small enough that a few jobs meet them. The periods of a queue's rates never change. */
export interface Limits {
  concurrency: number | null;
  rate: number | null;
  perKeyConcurrency: number | null;
  perKeyRate: number | null;
  weight: number;
  priorityAgingMs: number | null;
  onFailure: QueueSettings["onFailure"];
}

export interface QueuePlan extends Limits {
  /** Index into `QUEUES`. */
  queue: number;
  partitions: number;
  ratePeriodMs: number;
  keyRatePeriodMs: number;
  idempotencyWindowMs: number;
  timeoutMs: number;
}

const HANDLER: Target = { type: "handler", name: "noop" };
const QUEUES: Pick<QueueSettings, "namespace" | "name" | "target" | "lane">[] = [
  { namespace: "a", name: "one", target: HANDLER, lane: "default" },
  { namespace: "a", name: "two", target: HANDLER, lane: "default" },
  { namespace: "a", name: "three", target: HANDLER, lane: "default" },
  { namespace: "b", name: "one", target: HANDLER, lane: "default" },
  { namespace: "a", name: "pull", target: { type: "pull" }, lane: "default" },
  { namespace: "b", name: "hook", target: { type: "http", url: "https://x.test/", headers: {} }, lane: "default" },
  // The same host by another name, and another host of the same namespace.
  {
    namespace: "a",
    name: "hook",
    target: { type: "http", url: "https://X.test.:443/a", headers: {} },
    lane: "default",
  },
  { namespace: "b", name: "port", target: { type: "http", url: "https://x.test:8443/", headers: {} }, lane: "default" },
  { namespace: "b", name: "slow", target: HANDLER, lane: "slow" },
];

/** What every executor says of its lane, and what one namespace and one host may have of it: three, and two. */
export const LANE_CONNECTIONS = { size: 4, consumers: 1 };
export const SHARES = { namespace: 0.75, host: 0.5 };

const maybe = (max: number) => fc.option(fc.integer({ min: 1, max }), { freq: 2 });
const limits = {
  concurrency: maybe(4),
  rate: maybe(4),
  perKeyConcurrency: maybe(2),
  perKeyRate: maybe(3),
  weight: fc.integer({ min: 1, max: 4 }),
  // No sum of waits: two jobs whose ranks are the same go in some order, and an explanation counts neither before the other.
  priorityAgingMs: fc.constantFrom(null, 1_013, 60_013),
  onFailure: fc.constantFrom("continue" as const, "block" as const),
};

/** A change of a queue's limits: what is undefined stays. */
export type Change = Partial<Limits> & { paused?: boolean };
export const anyChange: fc.Arbitrary<Change> = fc.record(
  { ...limits, paused: fc.constantFrom(false, false, true) },
  { requiredKeys: [] },
);

const anyQueue: fc.Arbitrary<QueuePlan> = fc.record({
  queue: fc.nat({ max: QUEUES.length - 1 }),
  ...limits,
  partitions: fc.constantFrom(1, 1, 1, 2, 3),
  ratePeriodMs: fc.constantFrom(1_000, 5_000),
  keyRatePeriodMs: fc.constantFrom(1_000, 3_000),
  idempotencyWindowMs: fc.constantFrom(2_000, 60_000),
  timeoutMs: fc.constantFrom(3_000, 60_000),
});

export const anyPlan = fc.uniqueArray(anyQueue, { minLength: 1, maxLength: 4, selector: ({ queue }) => queue });

export function settingsOf(plan: QueuePlan): QueueSettings {
  const { partitions, idempotencyWindowMs, timeoutMs } = plan;
  const named = QUEUES[plan.queue];
  if (named === undefined) throw new Error(`no queue ${plan.queue}`);
  return {
    ...named,
    ...limitsOf(plan, plan),
    version: 1,
    deleted: false,
    partitions,
    maxBacklog: null,
    retry: { maxAttempts: 3, backoff: "exponential", delayMs: 1_000, maxDelayMs: 3_000, jitter: "none" },
    maxDeferralMs: 8_000,
    timeoutMs,
    retentionMs: 7 * 86_400_000,
    idempotencyWindowMs,
    consistency: "strong",
    paused: false,
    createdAt: START,
    updatedAt: START,
  };
}

/** Limits as settings: a limit is at least one for each partition. */
function limitsOf(limits: Limits, { partitions, ratePeriodMs, keyRatePeriodMs }: QueuePlan) {
  const { concurrency, rate, perKeyConcurrency, perKeyRate, weight, priorityAgingMs, onFailure } = limits;
  return {
    concurrency: concurrency === null ? null : Math.max(concurrency, partitions),
    rate: rate === null ? null : { limit: Math.max(rate, partitions), periodMs: ratePeriodMs },
    perKeyConcurrency,
    perKeyRate: perKeyRate === null ? null : { limit: perKeyRate, periodMs: keyRatePeriodMs },
    weight,
    priorityAgingMs,
    onFailure,
  };
}

/** The next version of a queue's settings. */
export function changed(plan: QueuePlan, before: QueueSettings, change: Change): QueueSettings {
  const { rate, perKeyRate } = before;
  const old: Limits = { ...before, rate: rate?.limit ?? null, perKeyRate: perKeyRate?.limit ?? null };
  const wanted = limitsOf({ ...old, ...change }, plan);
  return {
    ...before,
    ...wanted,
    rate: nextRate(plan.rate, rate, wanted.rate),
    perKeyRate: nextRate(plan.perKeyRate, perKeyRate, wanted.perKeyRate),
    paused: change.paused ?? before.paused,
    version: before.version + 1,
  };
}

/**
 * A rate comes or goes once at most: how much is remembered of the time before it went is nobody's promise, so the
 * model could not say what counts when it comes back.
 */
function nextRate(planned: number | null, before: Rate | null, wanted: Rate | null): Rate | null {
  if (planned === null) return wanted ?? before;
  return before === null ? null : wanted;
}
