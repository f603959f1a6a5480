/** One simulated history: shards, queues, network, history database, cron, and the people who use them. */
import type { DatabaseSync } from "node:sqlite";
import type { Doorbell } from "../../contract/doorbell.ts";
import type { ReceiveRequest } from "../../contract/rpc.ts";
import { parseJobId } from "../../domain/job-id.ts";
import { parseLease } from "../../domain/lease.ts";
import type { Lane, QueueSettings } from "../../domain/queue.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import { Clock } from "./clock.ts";
import { Counters } from "./counters.ts";
import { historyDatabase } from "./database-pool.ts";
import { deliver } from "./deliver.ts";
import { Faults } from "./faults.ts";
import { Gateway } from "./gateway.ts";
import { Life } from "./life.ts";
import type { Mutant } from "./mutant.ts";
import { Network } from "./network.ts";
import { Observer } from "./observer.ts";
import { makePlan, type Plan } from "./plan.ts";
import { hearWork } from "./processor.ts";
import { hearHistory } from "./projector.ts";
import { BellQueue, type ConsumerSettings } from "./queue.ts";
import { Random } from "./random.ts";
import { ShardHost } from "./shard-host.ts";
import type { Submissions } from "./submissions.ts";
import { Trace } from "./trace.ts";
import { Violations } from "./violations.ts";

const START = Date.UTC(2026, 0, 1);
const CRON_MS = 60_000;
/** As `workers/processor/wrangler.toml` has the consumers of a lane and of history. */
const LANE: ConsumerSettings = { maxBatch: 1, maxConsumers: 250 };
const PROJECTORS: ConsumerSettings = { maxBatch: 100, maxConsumers: 4 };
/** Settings versions that a careless client may still hold. */
const STALE_BY = 1;

export class Simulation {
  readonly clock = new Clock(START);
  readonly trace = new Trace(() => this.clock.now());
  readonly counters = new Counters();
  readonly violations = new Violations((event) => this.trace.add(event));
  readonly random: Random;
  readonly faults: Faults;
  readonly plan: Plan;
  readonly mutant: Mutant;
  readonly hosts = new Map<string, ShardHost>();
  readonly network: Network;
  readonly gateway: Gateway;
  readonly observer: Observer;
  /** The rows of D1, to look at behind the code's back. */
  readonly history: Sql;
  readonly #historyDatabase = historyDatabase();
  /** Every hand-over of spawned jobs that a shard has sent. */
  readonly handovers: { to: string; request: ReceiveRequest }[] = [];
  /** Leases under which a handler was called. */
  readonly executed = new Set<string>();
  readonly #bells = new Map<string, BellQueue>();
  readonly #cursors = new Map<string, number>();
  readonly #workers = new Set<Life>();
  #retired = false;
  readonly #settings = new Map<string, QueueSettings[]>();

  constructor(seed: number, mutant: Mutant) {
    const random = new Random(seed);
    this.mutant = mutant;
    this.history = this.#historyDatabase.sql;
    this.random = random.fork("people");
    this.faults = new Faults(random.fork("faults"));
    this.plan = makePlan(random.fork("plan"), START);
    for (const queue of this.plan.queues) this.#settings.set(queue.name, [queue]);
    this.gateway = new Gateway(this, this.plan.shards);
    this.observer = new Observer(this.violations, this.counters);
    const trace = (event: string) => this.trace.add(event);
    const parts = { clock: this.clock, faults: this.faults, trace };
    const lost = () => this.counters.count("held call lost with its object");
    this.network = new Network({ ...parts, random: random.fork("network"), hosts: this.hosts, lost });
    for (const name of ["default", "slow", "bulk"] as const) {
      const consume = (life: Life, bells: Doorbell[]) => hearWork(this, life, name, bells);
      this.#bells.set(name, new BellQueue({ ...parts, name, consumer: LANE, random: random.fork(name), consume }));
    }
    const consume = (life: Life, bells: Doorbell[]) => hearHistory(this, life, bells);
    const ofHistory = { ...parts, name: "history", consumer: PROJECTORS };
    this.#bells.set("history", new BellQueue({ ...ofHistory, random: random.fork("history"), consume }));
    for (const name of this.gateway.shards()) {
      this.hosts.set(
        name,
        new ShardHost(name, {
          ...parts,
          mutant,
          shards: this.plan.shards,
          queues: this.plan.queues,
          random: random.fork(name),
          send: (bell, delay) => this.#bells.get(bell.kind === "work" ? bell.lane : "history")?.send(bell, delay),
          committed: (step) => this.observer.committed(step),
          deliver: (host, delivery, done) => deliver(this, host, { delivery, done }),
          crashed: (when) => this.counters.count(when),
          threw: (host, step, error) =>
            this.violations.add(
              "threw",
              `${host.name} ${step}: ${String(error instanceof Error ? error.stack : error)}`,
            ),
        }),
      );
    }
    this.#cron(new Life("cron"), random.int(5_000, CRON_MS));
  }

  get submissions(): Submissions {
    return this.observer.submissions;
  }

  sleep(life: Life, ms: number): Promise<void> {
    return life.wait(({ resolve }) => this.clock.after(ms, () => resolve()));
  }

  host(name: string): ShardHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no shard ${name}`);
    return host;
  }

  /** Whether a bell of the lane waited for a consumer at some time between these (epoch ms). */
  bellsWereHeld(lane: Lane, from: number, to: number): boolean {
    return this.#bells.get(lane)?.wasHeld(from, to) ?? false;
  }

  shardOfLease(lease: string): string {
    return this.gateway.ownerOf(parseJobId(parseLease(lease)?.jobId ?? "")?.slot ?? 0);
  }

  /** The truth about a queue, as D1 has it. */
  settings(queue: string): QueueSettings {
    const newest = this.#settings.get(queue)?.at(-1);
    if (newest === undefined) throw new Error(`no queue ${queue}`);
    return newest;
  }

  /** What a gateway has in its cache, which may be old. */
  settingsSeenBy(queue: string): QueueSettings {
    const old = this.#settings.get(queue)?.at(-1 - STALE_BY);
    return old !== undefined && this.faults.hit("client.stale-settings") ? old : this.settings(queue);
  }

  change(queue: string, patch: Partial<QueueSettings>): QueueSettings {
    const before = this.settings(queue);
    const after = { ...before, ...patch, version: before.version + 1, updatedAt: this.clock.now() };
    this.#settings.get(queue)?.push(after);
    return after;
  }

  get historyDb(): DatabaseSync {
    return this.#historyDatabase.db;
  }

  /** P1: a job that its shard no longer knows must be in history. */
  expectInHistory(id: string): void {
    const query = `SELECT 1 AS n FROM jobs WHERE id = ?1
      UNION ALL SELECT 1 FROM history_pages WHERE instr(ids, substr(?1, 12)) > 0`;
    if (this.history.all(query, id).length === 0) this.violations.add("P1", `${id} was acknowledged and is nowhere`);
  }

  /** History's cursors only ever move on. */
  checkCursors(): void {
    for (const { shard, cursor } of this.history.all<{ shard: string; cursor: number }>(
      "SELECT shard, cursor FROM projections",
    )) {
      const before = this.#cursors.get(shard) ?? 0;
      if (cursor < before) this.violations.add("history", `the cursor of ${shard} went from ${before} to ${cursor}`);
      this.#cursors.set(shard, cursor);
    }
  }

  heal(): void {
    this.trace.add("HEAL");
    this.faults.heal();
    for (const host of this.hosts.values()) host.heal();
  }

  /** Nobody works or calls any more; only the shards' own alarms go on. */
  retire(): void {
    this.#retired = true;
    for (const life of this.#workers) life.end();
  }

  /** A life that ends when the world retires. Null: it has. */
  workerLife(name: string): Life | null {
    if (this.#retired) return null;
    const life = new Life(name);
    this.#workers.add(life);
    life.onEnd(() => this.#workers.delete(life));
    return life;
  }

  close(): void {
    for (const host of this.hosts.values()) host.close();
    this.#historyDatabase.release();
  }

  /** Wakes every shard and hands over settings that a push may have missed, once a minute. */
  #cron(life: Life, waitMs: number): void {
    this.clock.after(waitMs, () => {
      if (this.#retired) return;
      this.#cron(life, CRON_MS);
      if (this.faults.hit("cron.missed")) return;
      const queues = [...this.#settings.values()]
        .filter((versions) => versions.length > 1)
        .flatMap((versions) => versions.slice(-1));
      for (const shard of this.gateway.shards()) {
        const host = this.host(shard);
        if (host.alarm.at === null && host.unfinished() > 0) this.counters.count("alarm lost and healed by cron");
        void this.gateway.ask(life, shard, "wake", this.gateway.call);
        if (queues.length > 0) void this.gateway.ask(life, shard, "configure", { ...this.gateway.call, queues });
      }
    });
  }
}
