/** Clients that submit, cancel, redrive and read; each keeps its own list of what it was promised. */
import type { DeadFilter, JobChanges, ListReply, ListRequest, RedriveReply } from "../../contract/rpc.ts";
import { isFinal } from "../../domain/job/state.ts";
import { parseJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Gateway } from "./gateway.ts";
import { Life } from "./life.ts";
import { type Action, type JobPlan, NAMESPACE, type Plan, type Script } from "./plan.ts";
import type { Simulation } from "./simulation.ts";

const ANY_FAILED: DeadFilter = {
  errorCode: null,
  fingerprint: null,
  tag: null,
  orderingKey: null,
  finishedAfter: null,
  finishedBefore: null,
  createdAfter: null,
  createdBefore: null,
};

const MAX_TRIES = 4;
const EVERYTHING = {
  filter: { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
  include: { payload: true, result: true, attempts: true },
};

/** Runs until its last action has been answered. */
export async function runClient(sim: Simulation, name: string, steps: Plan["clients"][number]): Promise<void> {
  const client = new Client(sim, new Life(name));
  for (const { waitMs, action } of steps) {
    await client.pause(waitMs);
    await client.act(action);
  }
}

class Client {
  readonly #sim: Simulation;
  readonly #gateway: Gateway;
  readonly #life: Life;

  constructor(sim: Simulation, life: Life) {
    this.#sim = sim;
    this.#gateway = sim.gateway;
    this.#life = life;
  }

  pause(ms: number): Promise<void> {
    return this.#sim.sleep(this.#life, ms);
  }

  async act(action: Action): Promise<void> {
    switch (action.type) {
      case "submit":
        return this.#submit(action.jobs, action.atomic);
      case "redrive":
        return this.#redrive(action.queue);
      case "purge":
        return this.#purge(action.queue);
      case "pause":
        return this.#pauseQueue(action.queue);
      case "resize":
        return this.#resize(action.queue);
      case "list":
        return this.#list();
      default:
        return this.#aboutOne(action.type);
    }
  }

  /** A request that got no answer is sent again only under idempotency keys: new ids, the same keys. */
  async #submit(plans: JobPlan[], atomic: boolean): Promise<void> {
    const { submissions, random } = this.#sim;
    let open = plans;
    for (let attempt = 0; attempt < MAX_TRIES && open.length > 0; attempt++) {
      const answers = await this.#gateway.submit(this.#life, open, atomic);
      for (const answer of answers) {
        if (answer?.type === "accepted") submissions.acked.add(answer.asked);
        if (answer?.type === "replayed") submissions.acked.add(answer.id);
      }
      const repeat = random.chance(0.2);
      open = open.filter((plan, i) => plan.idempotencyKey !== null && (answers[i] === null || repeat));
      if (random.chance(0.05)) open = open.map((plan) => ({ ...plan, priority: 1 }));
      await this.pause(random.int(10, 1_500));
    }
  }

  async #aboutOne(type: "cancel" | "retry" | "patch" | "runNow" | "get" | "explain" | "existingIds"): Promise<void> {
    const { submissions, random } = this.#sim;
    const ids = [...submissions.acked];
    if (ids.length === 0) return;
    const id = random.pick(ids);
    const shard = this.#gateway.ownerOf(parseJobId(id)?.slot ?? 0);
    const about = { ...this.#gateway.call, namespace: NAMESPACE, id };
    switch (type) {
      case "cancel":
        await this.#gateway.ask(this.#life, shard, "cancel", about);
        return;
      case "retry":
        await this.#gateway.ask(this.#life, shard, "retry", about);
        return;
      case "patch":
        await this.#gateway.ask(this.#life, shard, "patch", { ...about, changes: this.#changes(), versions: null });
        return;
      case "runNow":
        await this.#gateway.ask(this.#life, shard, "runNow", { ...about, versions: null });
        return;
      case "get":
        return this.#get(shard, about);
      case "explain":
        await this.#gateway.ask(this.#life, shard, "explain", about);
        return;
      case "existingIds": {
        const known = [...submissions.committedIds()].filter((one) => submissions.shardOf(one) === shard);
        await this.#gateway.ask(this.#life, shard, "existingIds", { ...this.#gateway.call, ids: known });
      }
    }
  }

  /** What a job is to be from now on: work that is short, another priority, another time. */
  #changes(): JobChanges {
    const { random, clock } = this.#sim;
    const script: Script = { fails: 0, defers: 0, final: false, ms: random.int(5, 400), retryAfterMs: null, spawn: [] };
    return {
      ...(random.chance(0.7) ? { payload: JSON.stringify(script) } : {}),
      ...(random.chance(0.5) ? { priority: random.pick([0, 4, 9]) } : {}),
      ...(random.chance(0.5) ? { runAt: random.chance(0.5) ? null : clock.now() + random.int(1, 5_000) } : {}),
    };
  }

  /** P1: what was acknowledged is never unknown; and what one read says, a later one does not take back. */
  async #get(shard: string, about: { v: number; epoch: number; namespace: string; id: string }): Promise<void> {
    const read = () => this.#gateway.ask(this.#life, shard, "get", { ...about, waitMs: 0 });
    const first = await read();
    if (first?.type === "none") this.#sim.expectInHistory(about.id);
    const second = await read();
    if (first?.type !== "job" || second?.type !== "job") return;
    if (
      second.job.version < first.job.version ||
      (isFinal(first.job.state) && second.job.state === "running" && first.job.version === second.job.version)
    ) {
      this.#sim.violations.add("P7", `${about.id} read as version ${first.job.version}, then ${second.job.version}`);
    }
  }

  async #list(): Promise<void> {
    for (const shard of this.#gateway.shards()) {
      let before: string | null = null;
      for (let page = 0; page < 5; page++) {
        const request: ListRequest = { ...this.#gateway.call, ...EVERYTHING, namespace: NAMESPACE, before, limit: 10 };
        const reply: ListReply | null = await this.#gateway.ask(this.#life, shard, "list", request);
        if (reply === null || reply.scannedTo === null) break;
        before = reply.scannedTo;
      }
    }
  }

  async #redrive(queue: string): Promise<void> {
    const { random } = this.#sim;
    const spacing = random.chance(0.3) ? { firstDelayMs: 0, everyMs: 100 } : null;
    for (const shard of this.#gateway.shards()) {
      let after: string | null = null;
      for (let page = 0; page < 10; page++) {
        const reply: RedriveReply | null = await this.#gateway.ask(this.#life, shard, "redrive", {
          ...this.#gateway.call,
          namespace: NAMESPACE,
          queue,
          filter: ANY_FAILED,
          after,
          limit: 3,
          dryRun: false,
          patch: null,
          spacing,
        });
        if (reply === null || reply.next === null) break;
        after = reply.next;
      }
    }
  }

  async #purge(queue: string): Promise<void> {
    for (const shard of this.#gateway.shards()) {
      for (let page = 0; page < 10; page++) {
        const reply = await this.#gateway.ask(this.#life, shard, "purge", {
          ...this.#gateway.call,
          namespace: NAMESPACE,
          queue,
          limit: 2,
        });
        if (reply === null || !reply.more) break;
      }
    }
  }

  /** A pause and, later, the resumption: D1 first, then a push to every shard; cron repeats what was lost. */
  async #pauseQueue(queue: string): Promise<void> {
    const { random, observer } = this.#sim;
    const everywhere = await this.#configure(queue, { paused: true });
    if (everywhere && this.#sim.settings(queue).paused) observer.claims.paused(queue, true);
    this.#sim.counters.count("paused");
    await this.pause(random.int(500, 8_000));
    observer.claims.paused(queue, false);
    await this.#configure(queue, { paused: false });
  }

  /** Another limit, or none; never below the number of partitions. */
  async #resize(queue: string): Promise<void> {
    const { random } = this.#sim;
    const { partitions } = this.#sim.settings(queue);
    await this.#configure(queue, { concurrency: random.chance(0.3) ? null : random.int(partitions, partitions + 2) });
    this.#sim.counters.count("limit changed");
  }

  /** True when every shard has confirmed. */
  async #configure(queue: string, patch: Partial<QueueSettings>): Promise<boolean> {
    const settings = this.#sim.change(queue, patch);
    let everywhere = true;
    for (const shard of this.#gateway.shards()) {
      const done = await this.#gateway.ask(this.#life, shard, "configure", {
        ...this.#gateway.call,
        queues: [settings],
      });
      everywhere = everywhere && done !== null;
    }
    return everywhere;
  }
}
