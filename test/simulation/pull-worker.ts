/** A pull worker: claims with a lease, runs, extends, reports. It may die, or come back after its lease ended. */
import type { ClaimedJob, Report } from "../../contract/rpc.ts";
import { outcomeOf } from "./executor.ts";
import type { Life } from "./life.ts";
import { CallFailed } from "./network.ts";
import { NAMESPACE } from "./plan.ts";
import type { World } from "./world.ts";

const FIRST_POLL_MS = 100;
const MAX_POLL_MS = 4_000;
const MAX_TRIES = 4;
const RESTART_MS = 2_000;
const MAX_LATE_MS = 25_000;

/** Starts a worker that is started anew whenever it dies, for the length of the history. */
export function startPullWorker(world: World, name: string, queues: string[]): void {
  let births = 0;
  const live = () => {
    const life = world.workerLife(`${name}.${births++}`);
    if (life === null) return;
    life.onEnd(() => world.clock.after(RESTART_MS, live));
    void new PullWorker(world, life).run(queues);
  };
  live();
}

class PullWorker {
  readonly #world: World;
  readonly #life: Life;

  constructor(world: World, life: Life) {
    this.#world = world;
    this.#life = life;
  }

  async run(queues: string[]): Promise<void> {
    const { random } = this.#world;
    let poll = FIRST_POLL_MS;
    for (;;) {
      await this.#world.sleep(this.#life, poll);
      const jobs = await this.#claim(random.pick(queues));
      poll = jobs.length > 0 ? FIRST_POLL_MS : Math.min(MAX_POLL_MS, poll * 2);
      await Promise.all(jobs.map((job) => this.#work(job)));
    }
  }

  async #claim(queue: string): Promise<ClaimedJob[]> {
    const { random, gateway, network, faults } = this.#world;
    if (faults.hit("worker.die")) this.#life.end();
    const jobs: ClaimedJob[] = [];
    // One shard at a time: the next poll asks another.
    for (const shard of [random.pick(gateway.shards())]) {
      const request = {
        ...gateway.call,
        namespace: NAMESPACE,
        queue,
        max: random.int(1, 4),
        leaseMs: random.chance(0.5) ? null : random.int(1_000, 6_000),
        worker: this.#life.name,
        waitMs: 0,
      };
      try {
        jobs.push(...(await network.call(this.#life, shard, "claim", request)).jobs);
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        this.#world.counters.count("claim reply lost");
      }
    }
    return jobs;
  }

  async #work({ job, lease }: ClaimedJob): Promise<void> {
    const { random, faults } = this.#world;
    const { ms, outcome } = outcomeOf(job.payload, job.attempt);
    const late = faults.hit("worker.late") ? random.int(1_000, MAX_LATE_MS) : 0;
    await this.#world.sleep(this.#life, ms / 2);
    if (random.chance(0.3)) await this.#extend(lease);
    await this.#world.sleep(this.#life, ms / 2 + late);
    if (faults.hit("worker.die")) this.#life.end();
    await this.#report({ lease, outcome });
  }

  async #extend(lease: string): Promise<void> {
    const { gateway } = this.#world;
    const request = { ...gateway.call, namespace: NAMESPACE, leases: [{ lease, leaseMs: 3_000 }] };
    await gateway.ask(this.#life, this.#world.shardOfLease(lease), "extend", request);
  }

  /** Until there is an answer: the same report, the same lease. */
  async #report(report: Report): Promise<void> {
    const { gateway, random } = this.#world;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const request = { ...gateway.call, namespace: NAMESPACE, reports: [report], withJobs: random.chance(0.5) };
      if ((await gateway.ask(this.#life, this.#world.shardOfLease(report.lease), "report", request)) !== null) return;
      await this.#world.sleep(this.#life, random.int(50, 1_000));
    }
  }
}
