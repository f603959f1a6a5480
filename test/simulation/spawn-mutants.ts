/** What keeps spawned jobs from being lost, doubled or made up, taken away piece by piece. */
import type { NewJob, ReportReply, ReportRequest, ShardApi } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { slotOf } from "../../domain/slots.ts";
import type { Delivery } from "../../durable-objects/shard/outbox/outbox-schedule.ts";
import type { CallArguments, Result } from "../../durable-objects/shard/shard-core.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import type { RigCore } from "../rigs/rig-core.ts";
import { statement, type TrackedMutant, track } from "./mutant.ts";
import { NAMESPACE } from "./plan.ts";

export const SPAWN_MUTANTS: TrackedMutant[] = [
  track("spawned jobs stay in the outbox until their shard has them", (hit) => ({
    core: (original) => withoutOutbox(original, hit),
  })),
  track("what was not answered is sent again", (hit) => ({ core: (original) => sentOnce(original, hit) })),
  statement("what was handed over is taken once", {
    marks: ["FROM spawn_inbox"],
    from: "SELECT seq",
    to: "SELECT seq - 1000000000000 AS seq",
  }),
  statement("the jobs of a slot go out from the first on", {
    marks: ["FROM spawn_outbox WHERE slot = ?"],
    from: "ORDER BY seq",
    to: "ORDER BY seq DESC",
  }),
  statement("a job that is refused leaves a letter", {
    marks: ["INTO spawn_letters"],
    from: "VALUES (?, ?)",
    to: "SELECT ?1, ?2 WHERE 0",
  }),
  track("a stale report brings no jobs", (hit) => ({ core: (original) => withStaleSpawns(original, hit) })),
];

/** A job leaves the outbox when it is sent. */
function withoutOutbox(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    #sql: Sql;

    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      super(name, ports);
      this.#sql = ports.sql;
    }

    override deliveries(): Delivery[] {
      const deliveries = super.deliveries();
      for (const delivery of deliveries) {
        if (delivery.type !== "jobs") continue;
        hit();
        for (const { slot, seq } of delivery.request.jobs) {
          this.#sql.run("DELETE FROM spawn_outbox WHERE slot = ? AND seq = ?", slot, seq);
        }
      }
      return deliveries;
    }
  };
}

/** A delivery of which nothing was heard is taken to have arrived. */
function sentOnce(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    override delivered(...[delivery, reply]: Parameters<RigCore["delivered"]>): void {
      if (reply === null) hit();
      super.delivered(delivery, reply ?? { type: "received", left: [] });
    }
  };
}

/** The first job of a report goes into the outbox though the report was stale. */
function withStaleSpawns(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    #sql: Sql;
    #made = 0;

    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      super(name, ports);
      this.#sql = ports.sql;
    }

    override call<Name extends keyof ShardApi>(name: Name, ...rest: CallArguments<Name>): Result<Name> {
      const reply = super.call(name, ...rest);
      if (name === "report") this.#spawnAll(rest[0] as ReportRequest, reply as ReportReply);
      return reply;
    }

    #spawnAll(request: ReportRequest, reply: ReportReply): void {
      if (reply.type !== "reported") return;
      for (const [i, { outcome }] of request.reports.entries()) {
        const [spawn] = outcome.ok ? (outcome.spawn ?? []) : [];
        if (spawn === undefined || reply.results[i]?.status !== "stale") continue;
        hit();
        const slot = slotOf(NAMESPACE, spawn.queue, 0);
        const id = makeJobId(spawn.expiresAt ?? 0, slot, new Uint8Array(8).fill(++this.#made));
        const job: NewJob = { ...spawn, id, queue: 0, partition: 0, expiresAt: null, createdAt: null, parent: null };
        this.#sql.run(
          `INSERT INTO spawn_outbox (slot, seq, parent_slot, id, queue, job)
             SELECT ?1, coalesce((SELECT max(seq) FROM spawn_outbox), 0) + 1, ?1, ?2, ref, ?3 FROM queues WHERE name = ?4`,
          slot,
          id,
          JSON.stringify(job),
          spawn.queue,
        );
      }
    }
  };
}
