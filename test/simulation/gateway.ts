/** What stands between a client and a shard: ids, partitions, routing, one retry of what did not arrive. */
import type { NewJob, Submitted } from "../../contract/rpc.ts";
import { RPC_VERSION } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { initialMap, ownerOf, partitionOf, type SlotMap, slotOf } from "../../domain/slots.ts";
import type { Life } from "./life.ts";
import { CallFailed, type Method, type Request, type Result } from "./network.ts";
import { type JobPlan, NAMESPACE } from "./plan.ts";
import type { Simulation } from "./simulation.ts";

const MAX_ASKS = 5;
/** One retry of a call whose fate is unknown, under the same ids. */
const RETRY_CHANCE = 0.5;

export class Gateway {
  readonly #sim: Simulation;
  readonly #map: SlotMap;
  readonly call: { v: number; epoch: number };

  constructor(sim: Simulation, shards: number) {
    this.#sim = sim;
    this.#map = initialMap(shards);
    this.call = { v: RPC_VERSION, epoch: this.#map.epoch };
  }

  shards(): string[] {
    return this.#map.shards.map((shard) => shard.id);
  }

  ownerOf(slot: number): string {
    return ownerOf(this.#map, slot);
  }

  /** Results in the order of `plans`; null where no answer came. */
  async submit(life: Life, plans: JobPlan[], atomic: boolean): Promise<((Submitted & { asked: string }) | null)[]> {
    const groups = this.#group(plans);
    const answers: ((Submitted & { asked: string }) | null)[] = plans.map(() => null);
    for (const [shard, places] of groups) {
      const jobs = places.map(({ job }) => job);
      const results = await this.#submitTo(life, { shard, jobs, queue: plans[0]?.queue ?? "", atomic });
      places.forEach(({ place, job }, i) => {
        const result = results?.[i];
        answers[place] = result === undefined ? null : { ...result, asked: job.id };
      });
    }
    return answers;
  }

  async #submitTo(
    life: Life,
    what: { shard: string; jobs: NewJob[]; queue: string; atomic: boolean },
  ): Promise<Submitted[] | null> {
    const { random, submissions } = this.#sim;
    let settings = this.#sim.settingsSeenBy(what.queue);
    for (const job of what.jobs) submissions.tried.add(job.id);
    let again = random.chance(RETRY_CHANCE);
    for (let ask = 0; ask < MAX_ASKS; ask++) {
      try {
        const { result: reply } = await this.#sim.network.call(life, what.shard, "submit", {
          ...this.call,
          queues: [settings],
          jobs: what.jobs,
          atomic: what.atomic,
        });
        if (reply.type === "submitted") return reply.results;
        if (reply.type === "settings") settings = reply.settings;
        else await this.#sim.sleep(life, 50);
      } catch (error) {
        if (!(error instanceof CallFailed) || !again) return null;
        again = false;
        await this.#sim.sleep(life, random.int(10, 200));
      }
    }
    return null;
  }

  /** One call about one shard; null when no answer came. */
  async ask<M extends Method>(life: Life, shard: string, method: M, request: Request<M>): Promise<Result<M> | null> {
    try {
      return (await this.#sim.network.call(life, shard, method, request)).result;
    } catch (error) {
      if (error instanceof CallFailed) return null;
      throw error;
    }
  }

  #group(plans: JobPlan[]): Map<string, { place: number; job: NewJob }[]> {
    const groups = new Map<string, { place: number; job: NewJob }[]>();
    plans.forEach((plan, place) => {
      const settings = this.#sim.settings(plan.queue);
      const { shard, job } = this.#newJob(plan, settings);
      groups.set(shard, [...(groups.get(shard) ?? []), { place, job }]);
    });
    return groups;
  }

  #newJob(plan: JobPlan, settings: QueueSettings): { shard: string; job: NewJob } {
    const { random, clock } = this.#sim;
    const partition = partitionOf(plan, settings.partitions, random.next());
    const slot = slotOf(NAMESPACE, plan.queue, partition);
    const payload = JSON.stringify(plan.script);
    const { idempotencyKey: key, ...body } = plan;
    return {
      shard: this.ownerOf(slot),
      job: {
        id: makeJobId(clock.now(), slot, random.bytes(8)),
        queue: 0,
        partition,
        priority: plan.priority,
        orderingKey: plan.orderingKey,
        concurrencyKey: null,
        dedup: null,
        idempotency: key === null ? null : { key, hash: JSON.stringify(body) },
        delayMs: plan.delayMs,
        runAt: null,
        expiresAt: plan.expiresMs === null ? null : clock.now() + plan.expiresMs,
        timeoutMs: null,
        retry: plan.maxAttempts === null ? null : { maxAttempts: plan.maxAttempts },
        tags: ["t"],
        payload,
        createdAt: null,
        parent: null,
      },
    };
  }
}
