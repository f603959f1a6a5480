/** Shards that hand jobs to each other by hand: every call between them fares as a test says. */
import type * as rpc from "../../contract/rpc.ts";
import type { SpawnLetter } from "../../contract/spawn-letter.ts";
import type { Job } from "../../domain/job/job.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits } from "../../domain/namespace.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { initialMap, ownerOf, type SlotMap, slotOf } from "../../domain/slots.ts";
import type { ShardLimits } from "../../durable-objects/shard/lifecycle/admission.ts";
import type { Delivery } from "../../durable-objects/shard/outbox/outbox-schedule.ts";
import { openSql } from "../simulation/node-sqlite.ts";
import { RigCore } from "./rig-core.ts";
import { CALL, PLAIN, START, settingsOf } from "./shard-harness.ts";

/** What happens to a call: it is made, it never arrives, its answer is lost, or nothing is ever heard of it. */
export type Fate = "ok" | "before" | "after" | "silent";

interface Host {
  sql: ReturnType<typeof openSql>;
  core: RigCore;
  alarmAt: number | null;
}

export class SpawnRig {
  now = START;
  map: SlotMap = initialMap(2);
  /** The jobs that spawn are of this queue: on `shard-0`, all of them. */
  readonly parents: QueueSettings;
  /** The jobs that are spawned are of this queue: on `shard-1`, all of them. */
  children: QueueSettings;
  readonly hosts = new Map<string, Host>();
  readonly letters: SpawnLetter[] = [];
  /** What each shard may hold, from its next `restart` on. */
  limits: Partial<ShardLimits> = {};
  fate: (delivery: Delivery) => Fate = () => "ok";
  #made = 0;

  constructor(children: Partial<QueueSettings> = {}) {
    this.parents = settingsOf({ name: this.nameOn("shard-0", "p") });
    this.children = settingsOf({ name: this.nameOn("shard-1", "c"), ...children });
    for (const { id } of this.map.shards) {
      this.hosts.set(id, { sql: openSql(), core: null as unknown as RigCore, alarmAt: null });
      this.restart(id);
      this.core(id).adopt(this.map);
      this.core(id).configure({ ...CALL, queues: [this.parents, this.children] });
    }
  }

  /** A name of a queue whose only partition lies on `shard`. */
  nameOn(shard: string, prefix: string, namespace = "default"): string {
    for (let i = 0; ; i++)
      if (ownerOf(this.map, slotOf(namespace, `${prefix}${i}`, 0)) === shard) return `${prefix}${i}`;
  }

  /** Queues of another namespace that both shards know: as `parents` and `children` are of the namespace `default`. */
  queuesOf(namespace: string): { parents: QueueSettings; children: QueueSettings } {
    const parents = settingsOf({ namespace, name: this.nameOn("shard-0", "p", namespace) });
    const children = settingsOf({ namespace, name: this.nameOn("shard-1", "c", namespace) });
    for (const id of this.hosts.keys()) this.core(id).configure({ ...CALL, queues: [parents, children] });
    return { parents, children };
  }

  core(id: string): RigCore {
    return this.#host(id).core;
  }

  sql(id: string): Host["sql"] {
    return this.#host(id).sql;
  }

  alarmAt(id: string): number | null {
    return this.#host(id).alarmAt;
  }

  /** The object dies, with the calls it waits for, and a new one starts over the same rows. */
  restart(id: string): void {
    const host = this.#host(id);
    host.core = new RigCore(id, {
      sql: host.sql,
      now: () => this.now,
      random: Math.random,
      setAlarm: (at) => {
        host.alarmAt = at;
      },
      ring: () => undefined,
      limits: this.limits,
    });
  }

  /** New settings of the queue of the children, for the shards named. */
  configure(over: Partial<QueueSettings>, shards = [...this.hosts.keys()]): void {
    this.children = { ...this.children, ...over, version: this.children.version + 1 };
    for (const id of shards) this.core(id).configure({ ...CALL, queues: [this.children] });
  }

  /** The shards hear of these limits of the namespace. */
  namespace(limits: Partial<NamespaceLimits>): void {
    const settings = { name: "default", version: 1, createdAt: START, deletingAt: null };
    const namespaces = [{ ...settings, limits: { ...DEFAULT_NAMESPACE_LIMITS, ...limits } }];
    for (const id of this.hosts.keys()) this.core(id).configureNamespaces({ ...CALL, namespaces });
  }

  /** A fresh id of a queue. */
  childId(queue = this.children): string {
    return this.#id(queue);
  }

  #id(queue: QueueSettings): string {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(4, ++this.#made);
    return makeJobId(this.now, slotOf(queue.namespace, queue.name, 0), random);
  }

  /** A job of the parents' queue that runs; answers it with its lease. */
  start(queue = this.parents): rpc.WorkItem {
    this.submit("shard-0", queue);
    const [item] = this.core("shard-0").work(this.#work([])).items;
    if (item === undefined) throw new Error("the parent does not start");
    return item;
  }

  submit(shard: string, queue: QueueSettings, over: Partial<rpc.NewJob> = {}): rpc.Submitted {
    const { queue: _, ...rest } = this.spawn();
    const place = { id: this.#id(queue), queue: 0, partition: 0 };
    const job = { ...rest, ...place, payload: "null", createdAt: null, parent: null, ...over };
    const reply = this.core(shard).submit({ ...CALL, queues: [queue], jobs: [job], atomic: false });
    if (reply.type !== "submitted" || reply.results[0] === undefined) throw new Error(JSON.stringify(reply));
    return reply.results[0];
  }

  /** A job to be spawned into the children's queue. */
  spawn(over: Partial<rpc.SpawnJob> = {}): rpc.SpawnJob {
    return {
      queue: this.children.name,
      ...PLAIN,
      payload: '{"child":true}',
      ...over,
    };
  }

  /** Success through the door of pull workers. */
  report(lease: string, spawn: rpc.SpawnJob[], over: Partial<rpc.ReportRequest> = {}): rpc.ReportReply {
    return this.core("shard-0").report({
      ...CALL,
      namespace: "default",
      withJobs: false,
      queues: [],
      waitMs: 0,
      reports: [{ lease, outcome: { ok: true, result: null, resultTruncated: false, spawn } }],
      ...over,
    });
  }

  /** The same, answered with the ids of the children. */
  succeed(lease: string, spawn: rpc.SpawnJob[]): string[] {
    const reply = this.report(lease, spawn);
    const [result] = reply.type === "reported" ? reply.results : [];
    if (result?.status !== "recorded") throw new Error(JSON.stringify(reply));
    return result.spawned ?? [];
  }

  /** The processor's door. */
  work(reports: rpc.Report[]): rpc.WorkReply {
    return this.core("shard-0").work(this.#work(reports));
  }

  #work(reports: rpc.Report[]): rpc.WorkRequest {
    return {
      ...CALL,
      lane: "default",
      worker: "w",
      reports,
      room: { handler: reports.length === 0 ? 1 : 0, http: 0 },
      leaseMs: 15_000,
    };
  }

  /** Makes every call that is due, until none is. Answers the calls. */
  deliver(): Delivery[] {
    const made: Delivery[] = [];
    for (let again = true; again; ) {
      again = false;
      for (const [id, host] of this.hosts) {
        for (const delivery of host.core.deliveries()) {
          again = true;
          made.push(delivery);
          this.#carry(host.core, delivery, id);
        }
      }
      if (made.length > 1_000) throw new Error("there is no end to the calls");
    }
    return made;
  }

  /** What `delivery` does at its receiver. */
  make(delivery: Delivery): rpc.ReceiveReply {
    if (delivery.type === "letters") {
      this.letters.push(...delivery.letters);
      return { type: "received", left: [] };
    }
    return this.core(delivery.to).receive(structuredClone(delivery.request));
  }

  #carry(from: RigCore, delivery: Delivery, id: string): void {
    const fate = this.fate(delivery);
    if (fate === "silent") return;
    const reply = fate === "before" ? null : this.make(delivery);
    // A receiver that died has another instance by now; a sender that died hears nothing.
    if (this.core(id) === from) from.delivered(delivery, fate === "ok" ? reply : null);
  }

  /** Time passes, with every alarm and every call that falls in it. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let guard = 0; ; guard++) {
      if (guard > 5_000) throw new Error("alarms without end");
      this.deliver();
      const due = [...this.hosts.values()].filter(({ alarmAt }) => alarmAt !== null && alarmAt <= until);
      const next = Math.min(...due.map(({ alarmAt }) => alarmAt ?? 0));
      if (!Number.isFinite(next)) break;
      this.now = Math.max(this.now, next);
      for (const host of due) {
        if (host.alarmAt !== next) continue;
        host.alarmAt = null;
        host.core.alarm();
      }
    }
    this.now = until;
  }

  /** The job on its shard; null when that does not know it. */
  find(id: string, shard = "shard-1"): Job | null {
    const reply = this.core(shard).get({ ...CALL, namespace: "default", id, waitMs: 0 });
    return reply.type === "job" ? reply.job : null;
  }

  count(shard: string, table: string): number {
    const packed =
      table === "jobs"
        ? "SELECT coalesce(sum(n - coalesce(json_array_length(gone), 0)), 0) AS n FROM packs"
        : "SELECT 0 AS n";
    const query = `SELECT count(*) + (${packed}) AS n FROM ${table}`;
    return this.sql(shard).all<{ n: number }>(query)[0]?.n ?? 0;
  }

  #host(id: string): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`no shard ${id}`);
    return host;
  }
}
