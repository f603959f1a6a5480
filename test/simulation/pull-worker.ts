/** A pull worker: claims with a lease, runs, extends, reports. It may die, or come back after its lease ended. */
import type { ClaimedJob, Report } from "../../contract/rpc.ts";
import { outcomeOf } from "./executor.ts";
import type { Life } from "./life.ts";
import { CallFailed } from "./network.ts";
import { NAMESPACE } from "./plan.ts";
import type { Simulation } from "./simulation.ts";

const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 3_000;
const MAX_TRIES = 4;
/** So often a worker waits at the shard in place of coming again. */
const WAITS = 0.5;
const RESTART_MS = 2_000;
/** After its lease; after its job was done by another and forgotten. */
const LATE_MS = [25_000, 90_000];

/** Starts a worker that is started anew whenever it dies, for the length of the history. */
export function startPullWorker(sim: Simulation, name: string, queues: string[]): void {
  let births = 0;
  const live = () => {
    const life = sim.workerLife(`${name}.${births++}`);
    if (life === null) return;
    life.onEnd(() => sim.clock.after(RESTART_MS, live));
    void new PullWorker(sim, life).run(queues);
  };
  live();
}

class PullWorker {
  readonly #sim: Simulation;
  readonly #life: Life;

  constructor(sim: Simulation, life: Life) {
    this.#sim = sim;
    this.#life = life;
  }

  /** One queue of one shard after another; slower and slower while nothing is found. */
  async run(queues: string[]): Promise<void> {
    const places = queues.flatMap((queue) => this.#sim.gateway.shards().map((shard) => ({ queue, shard })));
    let empty = 0;
    for (let turn = this.#sim.random.int(0, places.length); ; turn++) {
      const pauseMs = Math.min(MAX_POLL_MS, FIRST_POLL_MS * 2 ** Math.floor(empty / places.length));
      const place = places[turn % places.length] ?? { queue: "", shard: "" };
      if (this.#sim.random.chance(WAITS)) await this.#wait(place, pauseMs);
      else await this.#sim.sleep(this.#life, pauseMs);
      const jobs = await this.#claim(place);
      empty = jobs.length > 0 ? 0 : empty + 1;
      await Promise.all(jobs.map((job) => this.#work(job)));
    }
  }

  /** Until the shard says that there is work, or the time is over. */
  async #wait({ queue, shard }: { queue: string; shard: string }, waitMs: number): Promise<void> {
    const { gateway, network, counters } = this.#sim;
    const request = { ...gateway.call, namespace: NAMESPACE, queue, waitMs };
    try {
      const { result } = await network.call(this.#life, shard, "awaitWork", request);
      counters.count(result ? "pull worker waited, and was told of work" : "pull worker waited in vain");
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      await this.#sim.sleep(this.#life, waitMs);
    }
  }

  async #claim({ queue, shard }: { queue: string; shard: string }): Promise<ClaimedJob[]> {
    const { random, gateway, network, faults } = this.#sim;
    if (faults.hit("worker.die")) this.#life.end();
    const request = {
      ...gateway.call,
      namespace: NAMESPACE,
      queue,
      max: random.int(1, 4),
      leaseMs: random.chance(0.5) ? null : random.int(1_000, 6_000),
      worker: this.#life.name,
      begins: random.chance(0.5),
    };
    try {
      return (await network.call(this.#life, shard, "claim", request)).result.jobs;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.#sim.counters.count("claim reply lost");
      return [];
    }
  }

  async #work({ job, lease }: ClaimedJob): Promise<void> {
    const { random, faults } = this.#sim;
    const { ms, outcome } = outcomeOf({ ...job, by: "released" }, this.#sim.clock.now());
    const late = faults.hit("worker.late") ? random.int(1_000, random.pick(LATE_MS)) : 0;
    await this.#sim.sleep(this.#life, ms / 2);
    if (random.chance(0.3)) await this.#extend(lease);
    await this.#sim.sleep(this.#life, ms / 2 + late);
    if (faults.hit("worker.die")) this.#life.end();
    await this.#report({ lease, outcome });
  }

  async #extend(lease: string): Promise<void> {
    const { gateway } = this.#sim;
    const request = { ...gateway.call, namespace: NAMESPACE, leases: [{ lease, leaseMs: 3_000, unlessLeftMs: null }] };
    await gateway.ask(this.#life, this.#sim.shardOfLease(lease), "extend", request);
  }

  /** Until there is an answer: the same report, the same lease. */
  async #report(report: Report): Promise<void> {
    const { gateway, random } = this.#sim;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const head = { ...gateway.call, namespace: NAMESPACE, queues: [], waitMs: 0 };
      const request = { ...head, reports: [report], withJobs: random.chance(0.5) };
      const reply = await gateway.ask(this.#life, this.#sim.shardOfLease(report.lease), "report", request);
      if (reply?.type === "reported") return;
      await this.#sim.sleep(this.#life, random.int(50, 1_000));
    }
  }
}
