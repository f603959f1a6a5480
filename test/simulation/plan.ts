/** What a history is about: its queues, and what its clients are going to do when. Drawn before anything runs. */
import type { QueueSettings } from "../../domain/queue.ts";
import type { Target } from "../../domain/target.ts";
import type { Random } from "./random.ts";

export const NAMESPACE = "ns";

/** How a job behaves when it runs; its payload is this. */
export interface Script {
  /** Attempts that fail before one succeeds. */
  fails: number;
  /** Deliveries that are put back before that. */
  defers: number;
  /** The failures are final. */
  final: boolean;
  ms: number;
  retryAfterMs: number | null;
  /** What its success brings. */
  spawn: SpawnPlan[];
}

export interface SpawnPlan {
  queue: string;
  orderingKey: string | null;
  delayMs: number | null;
  expiresMs: number | null;
  script: Script;
}

export interface JobPlan {
  queue: string;
  orderingKey: string | null;
  idempotencyKey: string | null;
  delayMs: number | null;
  expiresMs: number | null;
  priority: number;
  maxAttempts: number | null;
  script: Script;
}

export type Action =
  | { type: "submit"; jobs: JobPlan[]; atomic: boolean }
  /** On a job accepted before; nothing when there is none. */
  | { type: "cancel" | "retry" | "patch" | "runNow" | "get" | "list" | "explain" | "existingIds" }
  | { type: "redrive"; queue: string }
  | { type: "purge"; queue: string }
  | { type: "pause" | "resize"; queue: string };

export interface Plan {
  shards: number;
  queues: QueueSettings[];
  clients: { waitMs: number; action: Action }[][];
  pullWorkers: number;
  faultMs: number;
}

const DAY_MS = 86_400_000;
/** The timeout of queues with long jobs. */
const LONG_MS = 40_000;
const MAX_SHORT_MS = 2_500;
const SPAWN_CHANCE = 0.3;

export function makePlan(random: Random, startedAt: number): Plan {
  // Some are long enough for a shard to forget what it has finished.
  const faultMs = random.chance(0.15) ? random.int(90_000, 130_000) : random.int(20_000, 60_000);
  const queues = makeQueues(random, startedAt);
  const jobs = { left: random.int(8, 30) };
  // A stream of its own: what is spawned changes nothing else of the plan.
  const spawning = random.fork("spawn");
  const clients = Array.from({ length: random.int(2, 4) }, () => {
    const steps = random.int(4, 10);
    return Array.from({ length: steps }, () => ({
      waitMs: random.int(0, Math.floor((faultMs * 1.2) / steps)),
      action: makeAction({ random, spawning }, queues, jobs),
    }));
  });
  return { shards: 2, queues, clients, pullWorkers: random.int(1, 3), faultMs };
}

function makeQueues(random: Random, at: number): QueueSettings[] {
  const make = (name: string, target: Target, limited: boolean): QueueSettings => {
    const partitions = limited ? random.int(1, 2) : random.pick([1, 2, 4]);
    return {
      namespace: NAMESPACE,
      name,
      version: 1,
      deleted: false,
      target,
      partitions,
      lane: random.pick(["default", "slow"]),
      concurrency: limited ? random.int(partitions, 3) : null,
      rate: null,
      perKeyConcurrency: null,
      perKeyRate: null,
      weight: 1,
      priorityAgingMs: null,
      maxBacklog: null,
      onFailure: "continue",
      retry: {
        maxAttempts: random.int(1, 4),
        backoff: random.pick(["exponential", "linear", "constant"]),
        delayMs: random.int(50, 1_500),
        maxDelayMs: random.int(1_500, 6_000),
        jitter: random.pick(["full", "half", "none"]),
      },
      maxDeferralMs: random.pick([DAY_MS, DAY_MS, 4_000]),
      timeoutMs: random.chance(0.3) ? LONG_MS : random.int(3_000, 15_000),
      retentionMs: random.pick([2_000, 2_000, 120_000, 7 * DAY_MS]),
      idempotencyWindowMs: random.pick([15_000, DAY_MS]),
      consistency: "strong",
      paused: false,
      createdAt: at,
      updatedAt: at,
    };
  };
  const push = (): Target =>
    random.chance(0.7)
      ? { type: "handler", name: "noop" }
      : { type: "http", url: "https://target.example/", headers: {} };
  const all = [
    make("pull", { type: "pull" }, false),
    make("push", push(), false),
    make("pull-limited", { type: "pull" }, true),
    make("push-limited", push(), true),
  ];
  // At least one of each door; the limited ones in half of the histories each.
  return all.filter((_, i) => i < 2 || random.chance(0.6));
}

/** Chance, and the chance of what jobs spawn. */
interface Chances {
  random: Random;
  spawning: Random;
}

function makeAction({ random, spawning }: Chances, queues: QueueSettings[], jobs: { left: number }): Action {
  const settings = random.pick(queues);
  const queue = settings.name;
  const roll = random.next();
  if (roll < 0.62 && jobs.left > 0) {
    const count = Math.min(jobs.left, random.pick([1, 1, 1, 2, 3, 6]));
    jobs.left -= count;
    return {
      type: "submit",
      jobs: Array.from({ length: count }, () => withSpawn(makeJob(random, settings), spawning, queues)),
      atomic: random.chance(0.3),
    };
  }
  if (roll < 0.66) return { type: "redrive", queue };
  if (roll < 0.68) return { type: "purge", queue };
  if (roll < 0.72) return { type: "pause", queue };
  if (roll < 0.76) return { type: "resize", queue };
  return {
    type: random.pick([
      ...(["cancel", "cancel", "retry", "retry", "patch", "patch", "runNow"] as const),
      ...(["get", "get", "list", "explain", "existingIds"] as const),
    ]),
  };
}

/** Mostly short; where an executor extends its leases, sometimes longer than one. */
function workMs(random: Random, { target, timeoutMs }: QueueSettings): number {
  if (target.type !== "pull" && timeoutMs === LONG_MS && random.chance(0.1)) return random.int(16_000, 30_000);
  return random.chance(0.8) ? random.int(5, 500) : random.int(500, MAX_SHORT_MS);
}

function makeJob(random: Random, queue: QueueSettings): JobPlan {
  const ms = workMs(random, queue);
  // Long work that fails again and again would only make histories long.
  const fails = random.chance(0.35) ? random.int(1, ms > MAX_SHORT_MS ? 1 : 4) : 0;
  const ordered = random.chance(0.5);
  return {
    queue: queue.name,
    orderingKey: ordered ? random.pick(["a", "b"]) : null,
    idempotencyKey: random.chance(0.5) ? `key-${random.int(1, 4)}` : null,
    delayMs: random.chance(0.2) ? random.int(100, 15_000) : null,
    expiresMs: random.chance(0.1) ? random.int(500, 20_000) : null,
    priority: random.pick([4, 4, 4, 0, 9]),
    maxAttempts: random.chance(0.2) ? random.int(1, 6) : null,
    script: {
      fails,
      defers: random.chance(0.15) ? random.int(1, 3) : 0,
      final: fails > 0 && random.chance(0.15),
      ms,
      retryAfterMs: random.chance(0.1) ? random.int(100, 5_000) : null,
      spawn: [],
    },
  };
}

function withSpawn(job: JobPlan, random: Random, queues: QueueSettings[]): JobPlan {
  return { ...job, script: { ...job.script, spawn: makeSpawn(random, queues, SPAWN_CHANCE) } };
}

/** What one success brings; its jobs bring some themselves, now and then. */
function makeSpawn(random: Random, queues: QueueSettings[], chance: number): SpawnPlan[] {
  if (!random.chance(chance)) return [];
  return Array.from({ length: random.pick([1, 1, 2, 3]) }, () => {
    const fails = random.chance(0.2) ? random.int(1, 3) : 0;
    return {
      queue: random.pick(queues).name,
      orderingKey: random.chance(0.5) ? random.pick(["a", "b"]) : null,
      delayMs: random.chance(0.2) ? random.int(100, 10_000) : null,
      expiresMs: random.chance(0.2) ? random.int(1, 3_000) : null,
      script: {
        fails,
        defers: random.chance(0.1) ? 1 : 0,
        final: fails > 0 && random.chance(0.15),
        ms: random.int(5, 500),
        retryAfterMs: null,
        spawn: makeSpawn(random, queues, chance / 4),
      },
    };
  });
}
