/** One seed, one history: faults, then quiet, then the checks. */
import { atRest, checkForgotten, checkRest, probe } from "./checks.ts";
import { runClient } from "./clients.ts";
import type { Situation } from "./counters.ts";
import type { Fault } from "./faults.ts";
import { type Mutant, NONE } from "./mutant.ts";
import { startPullWorker } from "./pull-worker.ts";
import type { Violation } from "./violations.ts";
import { World } from "./world.ts";

/** How long after the last fault everything must have come to rest, at most. */
export const RECOVERY_BOUND_MS = 300_000;
const GIVE_UP_MS = 600_000;
const LOOK_MS = 1_000;
/** In some histories the world goes on until the shards have forgotten what they may. */
const LATER_CHANCE = 0.15;
const LATER_MS = 65 * 60_000;

export interface History {
  seed: number;
  hash: string;
  events: number;
  violations: Violation[];
  hits: ReadonlyMap<Fault, number>;
  situations: ReadonlyMap<Situation, number>;
  /** From the last fault, or the last client's last action, to rest. */
  recoveryMs: number;
  jobs: number;
  trace: string[];
}

export async function runHistory(seed: number, mutant: Mutant = NONE): Promise<History> {
  const world = new World(seed, mutant);
  const { clock, plan, violations } = world;
  const failed = () => violations.list.length > 0;
  let busy = plan.clients.length;
  plan.clients.forEach((steps, i) => {
    void runClient(world, `client-${i}`, steps).then(() => busy--);
  });
  const pulled = plan.queues.filter((queue) => queue.target.type === "pull").map((queue) => queue.name);
  for (let i = 0; i < plan.pullWorkers; i++) startPullWorker(world, `worker-${i}`, pulled);
  for (let i = 0; i < 4; i++) clock.after(world.random.int(0, plan.faultMs), () => probe(world));

  await clock.run(clock.now() + plan.faultMs, failed);
  world.heal();
  let since = clock.now();
  const until = since + GIVE_UP_MS;
  let rest = false;
  while (!failed() && clock.now() < until && !rest) {
    await clock.run(clock.now() + LOOK_MS, failed);
    if (busy > 0) since = clock.now();
    else rest = atRest(world);
  }
  const recoveryMs = clock.now() - since;
  if (!failed()) {
    if (busy > 0) violations.add("P2", `${busy} clients wait for ever`);
    checkRest(world);
    if (recoveryMs > RECOVERY_BOUND_MS) violations.add("recovery", `took ${recoveryMs} ms`);
  }
  if (!failed() && world.random.chance(LATER_CHANCE)) {
    world.retire();
    await clock.run(clock.now() + LATER_MS, failed);
    if (!failed()) checkForgotten(world);
  }
  world.close();
  return {
    seed,
    hash: world.trace.hash(),
    events: clock.events,
    violations: violations.list,
    hits: world.faults.hits,
    situations: world.counters.counts,
    recoveryMs,
    jobs: [...world.submissions.committedIds()].length,
    trace: world.trace.last(),
  };
}
