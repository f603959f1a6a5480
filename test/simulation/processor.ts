/** The real work loop, on the simulation's ports. One consumer invocation for each batch of bells. */
import type { Doorbell } from "../../contract/doorbell.ts";
import { INVOCATION_SECONDS } from "../../contract/limits.ts";
import type { Outcome, WorkItem } from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import type { Lane } from "../../domain/queue.ts";
import { Connections } from "../../workers/processor/connections.ts";
import { BESIDE_LONG_JOBS, sweep } from "../../workers/processor/sweep.ts";
import { NO_CLAIMS_MS, startWorkLoop } from "../../workers/processor/work-loop.ts";
import type { WorkPorts } from "../../workers/processor/work-ports.ts";
import { outcomeOf } from "./executor.ts";
import type { Life } from "./life.ts";
import { checkLogged } from "./log-port.ts";
import type { Simulation } from "./simulation.ts";

const BUDGET_MS = 750;
const SWEEP_BUDGET_MS = 10_000;
/** How long an executor waits at its shard, as it is deployed. */
const WAIT_MS = 4_000;
const MAX_CONNECTIONS = 6;
const LANE_CONSUMERS = 250;
const MAX_LATE_MS = 40_000;

export async function hearWork(sim: Simulation, life: Life, lane: Lane, bells: Doorbell[]): Promise<void> {
  const connections = new Connections(MAX_CONNECTIONS, LANE_CONSUMERS);
  // Zero as on Cloudflare; otherwise as on a host that delivers one batch at a time.
  const sweepMs = sim.random.pick([0, 0, 1_000]);
  const waitMs = sim.random.pick([WAIT_MS, WAIT_MS, 0]);
  const endsAt = sim.clock.now() + secondsToMs(INVOCATION_SECONDS);
  const start = (shard: string) =>
    startWorkLoop(ports(sim, life, shard), {
      lane,
      worker: life.name,
      budgetMs: sweepMs === 0 ? BUDGET_MS : SWEEP_BUDGET_MS,
      endsAt,
      pollMs: sweepMs,
      waitMs,
      connections,
    });
  const shards = () => Promise.resolve(sim.gateway.shards());
  const isOver = () => sim.clock.now() >= endsAt - NO_CLAIMS_MS;
  const heard = new Set(bells.map((bell) => bell.shard));
  const swept = { start, shards, after: afterOf(sim, life), isOver };
  await sweep(swept, heard, sweepMs === 0 ? BESIDE_LONG_JOBS : { firstMs: sweepMs, mostMs: sweepMs });
}

function afterOf(sim: Simulation, life: Life): WorkPorts["after"] {
  return (ms, wake) => {
    let on = true;
    sim.clock.after(ms, () => {
      if (on && life.alive) wake();
    });
    return () => {
      on = false;
    };
  };
}

function ports(sim: Simulation, life: Life, shard: string): WorkPorts {
  const own = portsOf(sim, life, shard);
  return sim.mutant.executor?.(own) ?? own;
}

function portsOf(sim: Simulation, life: Life, shard: string): WorkPorts {
  const mayDie = () => {
    if (sim.faults.hit("processor.die")) life.end();
  };
  return {
    work: async (request) => {
      mayDie();
      const { result } = await sim.network.call(life, shard, "work", request);
      if (result.waitedMs !== undefined)
        sim.counters.count(
          result.items.length > 0 ? "executor waited, and was told of work" : "executor waited in vain",
        );
      return result;
    },
    extend: async (request, home) => {
      mayDie();
      return (await sim.network.call(life, home ?? shard, "extend", request)).result;
    },
    report: async (home, request) => {
      mayDie();
      return (await sim.network.call(life, home, "report", request)).result;
    },
    execute: (item, { signal }) => {
      if (sim.executed.has(item.lease))
        sim.violations.add("P3", `${item.id} delivery ${item.delivery} was executed twice`);
      sim.executed.add(item.lease);
      mayDie();
      return execute(sim, life, item, signal);
    },
    now: () => sim.clock.now(),
    random: () => sim.random.next(),
    after: afterOf(sim, life),
    log: (event) => {
      checkLogged(sim, event);
      sim.trace.add(`${life.name} ${event.event}`);
    },
  };
}

function execute(sim: Simulation, life: Life, item: WorkItem, signal: AbortSignal): Promise<Outcome> {
  const { faults, random, clock } = sim;
  const { ms, outcome } = outcomeOf({ ...item, by: "deferred" }, clock.now());
  const late = faults.hit("handler.late") ? random.int(1_000, MAX_LATE_MS) : 0;
  const throws = faults.hit("handler.throw");
  const hangs = faults.hit("processor.hang");
  const listens = random.chance(0.5);
  return life.wait(({ resolve, reject }) => {
    // Half of the handlers stop when they are told to; the others go on, as a zombie does.
    if (listens) signal.addEventListener("abort", () => reject(new Error("aborted")));
    if (hangs) return;
    clock.after(ms + late, () => (throws ? reject(new Error("handler threw")) : resolve(outcome)));
  });
}
