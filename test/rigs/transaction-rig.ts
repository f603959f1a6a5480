/** A `TransactionCore` over three real shards, on Vitest's fake timers: its calls fail as a test says. */
import { vi } from "vitest";
import type { NewJob, Reply, RunReply, ShardApi } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { initialMap, ownerOf, type SlotMap, slotOf } from "../../domain/slots.ts";
import { TransactionCore } from "../../durable-objects/transaction/core.ts";
import { openSql } from "../simulation/node-sqlite.ts";
import { RigCore } from "./rig-core.ts";
import { CALL, PLAIN, START, settingsOf } from "./shard-harness.ts";

export type Call = { to: string; method: "prepare" | "commit" | "abort"; nth: number };
/** What happens to a call: nothing, an error instead of it or after it, or no answer ever. */
export type Fate = "ok" | "before" | "after" | "never";

export class TransactionRig {
  readonly queue = settingsOf({ partitions: 64 });
  map: SlotMap = initialMap(3);
  readonly shards = new Map<string, RigCore>();
  readonly calls: string[] = [];
  fate: (call: Call) => Fate = () => "ok";
  alarmAt: number | null = null;
  forgotten = false;
  core: TransactionCore;
  readonly #sql = openSql();
  readonly #files = new Map<string, ReturnType<typeof openSql>>();
  #made = 0;
  /** Which instance of the coordinator lives: what an earlier one still does reaches nobody. */
  #instance = 0;

  constructor() {
    vi.useFakeTimers({ now: START });
    for (const { id } of this.map.shards) this.#files.set(id, openSql());
    for (const { id } of this.map.shards) this.restartShard(id);
    this.core = this.#boot();
  }

  /** The coordinator's object dies, with the calls it waits for, and a new one starts. */
  restart(): void {
    this.core = this.#boot();
  }

  restartShard(id: string): void {
    const sql = this.#files.get(id);
    if (sql === undefined) throw new Error(`no shard ${id}`);
    const ports = { sql, now: Date.now, random: Math.random, setAlarm: () => undefined, ring: () => undefined };
    const shard = new RigCore(id, ports);
    shard.adopt(this.map);
    shard.engine.listen(() => {
      for (const txn of shard.inquiries()) shard.learnOutcome(txn, this.core.outcome());
    });
    this.shards.set(id, shard);
  }

  shard(id: string): RigCore {
    const shard = this.shards.get(id);
    if (shard === undefined) throw new Error(`no shard ${id}`);
    return shard;
  }

  /** One job for each of the first partitions of every shard, in turn. */
  jobs(count: number, over: Partial<NewJob> = {}): NewJob[] {
    const shards = [...this.shards.keys()];
    return Array.from({ length: count }, (_, i) => this.job(shards[i % shards.length] ?? "", over));
  }

  job(shard: string, over: Partial<NewJob> = {}): NewJob {
    const partition = Array.from({ length: 64 }, (_, i) => i).find(
      (i) => ownerOf(this.map, slotOf("default", "q", i)) === shard,
    );
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(4, ++this.#made);
    return {
      id: makeJobId(START, slotOf("default", "q", partition ?? 0), random),
      queue: 0,
      partition: partition ?? 0,
      ...PLAIN,
      payload: "null",
      createdAt: null,
      parent: null,
      ...over,
    };
  }

  run(jobs: NewJob[], beginBy = Date.now() + 60_000): Promise<RunReply> {
    return this.core.run({ v: 1, id: "t1", map: this.map, queues: [this.queue], jobs, beginBy });
  }

  /** Lets `ms` pass, with every alarm that falls in it; the coordinator's too. */
  async pass(ms: number): Promise<void> {
    const until = Date.now() + ms;
    const step = Math.max(500, ms / 200);
    while (Date.now() < until) {
      await vi.advanceTimersByTimeAsync(Math.min(step, until - Date.now()));
      for (const shard of this.shards.values()) shard.alarm();
      if (this.alarmAt !== null && this.alarmAt <= Date.now()) {
        this.alarmAt = null;
        void this.core.alarm();
      }
    }
  }

  /** How many of the jobs there are; those that wait for a decision are "held". */
  present(jobs: NewJob[]): { there: number; prepared: number; none: number } {
    const found = { there: 0, prepared: 0, none: 0 };
    for (const { id } of jobs) {
      const replies = [...this.shards.values()].map((shard) =>
        shard.get({ ...CALL, namespace: "default", id, waitMs: 0 }),
      );
      if (replies.some(({ type }) => type === "job")) found.there += 1;
      else if (replies.some(({ type }) => type === "busy")) found.prepared += 1;
      else found.none += 1;
    }
    return found;
  }

  #boot(): TransactionCore {
    this.#instance += 1;
    const instance = this.#instance;
    const alive = () => instance === this.#instance;
    return new TransactionCore({
      sql: this.#sql,
      now: Date.now,
      after: (ms, wake) => {
        const timer = setTimeout(() => alive() && wake(), ms);
        return () => clearTimeout(timer);
      },
      setAlarm: (at) => {
        this.alarmAt = at;
      },
      forget: async () => {
        this.forgotten = true;
        this.alarmAt = null;
        for (const table of ["record", "migrations"]) this.#sql.run(`DROP TABLE ${table}`);
      },
      shard: (id) => ({
        prepare: (request) => this.#call(alive, { to: id, method: "prepare" }, (shard) => shard.prepare(request)),
        decide: (request) => this.#call(alive, { to: id, method: request.outcome }, (shard) => shard.decide(request)),
      }),
      directory: () => ({ map: async () => this.map }),
    } satisfies ConstructorParameters<typeof TransactionCore>[0] & { shard(id: string): Pick<ShardApi, "prepare"> });
  }

  async #call<R>(
    alive: () => boolean,
    { to, method }: Omit<Call, "nth">,
    call: (shard: RigCore) => R,
  ): Promise<Reply<R>> {
    if (!alive()) return new Promise(() => undefined);
    const name = `${method} ${to}`;
    this.calls.push(name);
    const nth = this.calls.filter((other) => other === name).length;
    const fate = this.fate({ to, method, nth });
    if (fate === "never" || !alive()) return new Promise(() => undefined);
    if (fate === "before") throw new Error("not reached");
    const shard = this.shard(to);
    const reply = shard.reply(call(shard));
    if (fate === "after") throw new Error("the answer was lost");
    return reply;
  }
}
