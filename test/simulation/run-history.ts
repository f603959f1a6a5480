/** One seed, one history: faults, then quiet, then the checks. */
import { atRest, checkForgotten, checkRest, probe } from "./checks.ts";
import { runClient } from "./clients.ts";
import type { Situation } from "./counters.ts";
import type { Fault } from "./faults.ts";
import { type Mutant, NONE } from "./mutant.ts";
import { startPullWorker } from "./pull-worker.ts";
import { Simulation } from "./simulation.ts";
import type { Violation } from "./violations.ts";

/**
 * How long after the last fault everything must have come to rest, at most. What was set aside just before is tried again after five minutes,
 * and with it all that waits for it.
 */
export const RECOVERY_BOUND_MS = 360_000;
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
  const sim = new Simulation(seed, mutant);
  const { clock, plan, violations } = sim;
  const failed = () => violations.list.length > 0;
  let busy = plan.clients.length;
  plan.clients.forEach((steps, i) => {
    void runClient(sim, `client-${i}`, steps).then(() => busy--);
  });
  const pulled = plan.queues.filter((queue) => queue.target.type === "pull").map((queue) => queue.name);
  for (let i = 0; i < plan.pullWorkers; i++) startPullWorker(sim, `worker-${i}`, pulled);
  for (let i = 0; i < 4; i++) clock.after(sim.random.int(0, plan.faultMs), () => probe(sim));

  await clock.run(clock.now() + plan.faultMs, failed);
  sim.heal();
  let since = clock.now();
  const until = since + GIVE_UP_MS;
  let rest = false;
  while (!failed() && clock.now() < until && !rest) {
    await clock.run(clock.now() + LOOK_MS, failed);
    if (busy > 0) since = clock.now();
    else rest = atRest(sim);
  }
  const recoveryMs = clock.now() - since;
  if (!failed()) {
    if (busy > 0) violations.add("P2", `${busy} clients wait for ever`);
    checkRest(sim);
    if (recoveryMs > RECOVERY_BOUND_MS) violations.add("recovery", `took ${recoveryMs} ms`);
  }
  if (!failed() && sim.random.chance(LATER_CHANCE)) {
    sim.retire();
    await clock.run(clock.now() + LATER_MS, failed);
    if (!failed()) checkForgotten(sim);
  }
  sim.close();
  return {
    seed,
    hash: sim.trace.hash(),
    events: clock.events,
    violations: violations.list,
    hits: sim.faults.hits,
    situations: sim.counters.counts,
    recoveryMs,
    jobs: [...sim.submissions.committedIds()].length,
    trace: sim.trace.last(),
  };
}
