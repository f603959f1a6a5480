/** The protective measures of Dure, each taken away in one mutant. */
import type { Report, ReportRequest, ShardApi, WorkRequest } from "../../contract/rpc.ts";
import { parseLease } from "../../domain/lease.ts";
import { deliveryOf } from "../../durable-objects/shard/jobs/job-row.ts";
import { LeaseTags } from "../../durable-objects/shard/jobs/lease-tag.ts";
import type { CallArguments, Request, Result } from "../../durable-objects/shard/shard-core.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import { withQuarantine } from "../model/broken-core.ts";
import { EVERY_JOB } from "../rigs/every-job.ts";
import type { RigCore } from "../rigs/rig-core.ts";
import { rewriter, statement, type TrackedMutant, track } from "./mutant.ts";
import { PACK_MUTANTS } from "./pack-mutants.ts";
import { SPAWN_MUTANTS } from "./spawn-mutants.ts";

const SUCCEED = "SET state = 'succeeded'";
const SAVE = "UPDATE jobs SET state = ?, blocked = ?";
const START = "SET state = 'running'";
const FIRST_OF_KEY = "ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') ORDER BY seq LIMIT 1";

export const MUTANTS: TrackedMutant[] = [
  track("a report needs the current lease", (hit) => ({ core: (original) => withoutFence(original, hit) })),
  track("a report needs a lease that has not ended", (hit) => {
    const fence = rewriter({ marks: [SUCCEED], from: /due_at > (\?\d)/g, to: "$1 > 0" }, hit);
    const look = rewriter(
      { marks: ["FROM jobs WHERE id = ?"], from: " due_at,", to: " due_at + 1000000 AS due_at," },
      hit,
    );
    return { sql: (query) => look(fence(query)) };
  }),
  statement("a worker says which jobs it has begun", { marks: [START], from: "begun = ?8", to: "begun = 1 + 0 * ?8" }),
  statement("a job that its workers never begin spends attempts in the end", {
    marks: [SAVE],
    from: "returns = ?",
    to: "returns = CASE WHEN ? = '' THEN '' END",
  }),
  statement("each delivery has a number of its own", { marks: [SAVE], from: "returned = ?", to: "returned = 0 * ?" }),
  statement("a heartbeat says that a job was begun", { marks: [SAVE], from: "begun = ?", to: "begun = begun + 0 * ?" }),
  statement("a final state is for ever", {
    marks: [SUCCEED],
    from: /state = 'running' AND due_at > (\?\d)/g,
    to: "$1 > 0",
  }),
  statement("leases end", {
    marks: ["INDEXED BY jobs_due WHERE due_at IS NOT NULL AND due_at <= ?"],
    from: "due_at <= ?",
    to: "due_at <= ? AND state <> 'running'",
  }),
  track("a claim takes queued jobs only", (hit) => {
    const offer = rewriter(
      {
        marks: ["SELECT id, rank FROM jobs"],
        from: "INDEXED BY jobs_ready WHERE queue = ? AND partition = ? AND state = 'queued'",
        to: "WHERE queue = ? AND partition = ? AND state IN ('queued', 'running')",
      },
      hit,
    );
    const start = rewriter({ marks: [START], from: "AND state = 'queued'", to: "" }, hit);
    return { sql: (query) => start(offer(query)) };
  }),
  statement("one live job an ordering key", {
    marks: [],
    from: FIRST_OF_KEY,
    to: FIRST_OF_KEY.replace("IS NOT NULL", "IS NULL"),
  }),
  statement("a retry keeps its place", {
    marks: [],
    from: FIRST_OF_KEY,
    to: FIRST_OF_KEY.replace("ORDER BY", "AND state <> 'scheduled' ORDER BY"),
  }),
  statement("running jobs count under the limit", { marks: ["INDEXED BY jobs_counted"], from: "count(*)", to: "0" }),
  statement("a new limit counts the jobs that run already", {
    marks: [],
    from: "SET counts_toward_limit = 1 WHERE queue = ?",
    to: "SET counts_toward_limit = 1 WHERE queue = -?",
  }),
  statement("the best goes first", {
    marks: ["SELECT id, rank FROM jobs"],
    from: "ORDER BY rank",
    to: "ORDER BY rank DESC",
  }),
  track("a pause is known to the shard before it is answered", (hit) => ({
    core: (original) => withoutConfigure(original, hit),
  })),
  statement("a key is looked up in the shard", {
    marks: ["FROM idempotency WHERE"],
    from: "AND key = ?",
    to: "AND key = ? AND 0",
  }),
  statement("finished jobs stay until history has them", {
    marks: ["SELECT kept, seq, purge_at FROM finished"],
    from: "seq <= ?",
    to: "seq <= ? + 1000000000000000",
  }),
  statement("a redriven job is not forgotten", {
    marks: ["DELETE FROM jobs WHERE (id, version)"],
    from: "(id, version) IN (SELECT value ->> 0, value ->> 1 FROM",
    to: "id IN (SELECT value ->> 0 FROM",
  }),
  statement("sequence numbers survive a restart", {
    marks: ["INSERT INTO meta VALUES (?, ?)"],
    from: "VALUES (?, ?)",
    to: "SELECT ?1, ?2 WHERE ?1 <> 'sequence'",
  }),
  statement("a change of a payload is what runs", {
    marks: ["UPDATE jobs SET payload = ?, spec = ?"],
    from: "payload = ?",
    to: "payload = coalesce(payload, ?)",
  }),
  statement("run-now makes a job due", { marks: [SAVE], from: "run_at = ?", to: "run_at = max(run_at, ?)" }),
  track("a job that was set aside is tried again", (hit) => ({
    core: (original) =>
      withQuarantine(original, (quarantine) => {
        const ofKind = (kind: string) => quarantine.list().filter((aside) => aside.kind === kind).length;
        return {
          holds: (kind, key) => {
            if (quarantine.find(kind, key) === null) return false;
            hit();
            return true;
          },
          count: ofKind,
          retryAt: () => Number.POSITIVE_INFINITY,
          hasten: () => false,
        };
      }),
  })),
  track("the alarm is the least of all deadlines", (hit) => ({
    ports: (ports, host) => ({
      ...ports,
      setAlarm: (at) => {
        hit();
        ports.setAlarm(Math.max(at, host.alarm.at ?? at));
      },
    }),
  })),
  track("the alarm is set anew at the start", (hit) => ({ core: (original) => withoutAlarmAtStart(original, hit) })),
  track("a bell is owed until somebody comes", (hit) => ({
    ports: (ports) => ({
      ...ports,
      ring: (bell, delaySeconds) => {
        const line = bell.kind === "work" ? bell.lane : "history";
        const unanswered = ports.sql.all("SELECT 1 AS n FROM bells WHERE lane = ?", line).length > 0;
        if (unanswered) hit();
        else ports.ring(bell, delaySeconds);
      },
    }),
  })),
  track("a bell is rung at once", (hit) => ({
    ports: (ports) => ({
      ...ports,
      ring: (bell, delaySeconds) => {
        hit();
        ports.ring(bell, delaySeconds + 3);
      },
    }),
  })),
  track("an executor that waits is told of work", (hit) => ({ ports: (ports) => ({ ...ports, callWaiting: hit }) })),
  track("cron wakes a shard whose alarm was lost", (hit) => ({ core: (original) => withoutWake(original, hit) })),
  track("a step is one transaction", (hit) => {
    hit();
    return { crash: "keeps-half" };
  }),
  track("an answer waits for the commit", (hit) => {
    hit();
    return { crash: "answers-first" };
  }),
  track("history is written from where it is", (hit) => ({
    historySql: rewriter({ marks: ["history is elsewhere"], from: "iif(coalesce(", to: "iif(1 OR coalesce(" }, hit),
  })),
  track("a job in a page of history has no row there", (hit) => ({
    historySql: rewriter({ marks: ["DELETE FROM jobs"], from: "version <= paged.value ->> 2", to: "version < 0" }, hit),
  })),
  track("an executor extends its leases", (hit) => ({
    executor: (ports) => ({
      ...ports,
      extend: () => {
        hit();
        return Promise.reject(new Error("no heartbeats"));
      },
    }),
  })),
  track("history's cursor moves with its rows", (hit) => {
    hit();
    return { tornPages: true };
  }),
  ...SPAWN_MUTANTS,
  ...PACK_MUTANTS,
];

/** Every report counts as one of the attempt that runs. */
function withoutFence(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    #sql: Sql;

    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      super(name, ports);
      this.#sql = ports.sql;
    }

    override call<Name extends keyof ShardApi>(name: Name, ...[request, alarmAt]: CallArguments<Name>): Result<Name> {
      if (name !== "report" && name !== "work") return super.call(name, request, alarmAt);
      const sent = request as ReportRequest | WorkRequest;
      const reports = sent.reports.map((report) => this.#asCurrent(report));
      return super.call(name, { ...sent, reports } as Request<Name>, alarmAt);
    }

    #asCurrent(report: Report): Report {
      const lease = parseLease(report.lease);
      if (lease === null) return report;
      const query = `SELECT id, attempt, returned, lease FROM ${EVERY_JOB} WHERE id = ? AND state = 'running'`;
      const [current] = this.#sql.all<{ id: string; attempt: number; returned: number; lease: string }>(
        query,
        lease.jobId,
      );
      if (current === undefined || deliveryOf(current) === lease.delivery) return report;
      hit();
      return { ...report, lease: new LeaseTags().lease(current) };
    }
  };
}

function withoutAlarmAtStart(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    constructor(...[name, ports]: ConstructorParameters<typeof RigCore>) {
      let started = false;
      super(name, {
        ...ports,
        setAlarm: (at) => {
          if (started) ports.setAlarm(at);
          else hit();
        },
      });
      started = true;
    }
  };
}

function withoutConfigure(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    override call<Name extends keyof ShardApi>(name: Name, ...rest: CallArguments<Name>): Result<Name> {
      if (name !== "configure") return super.call(name, ...rest);
      hit();
      return null as Result<Name>;
    }
  };
}

/** The cron's call looks, and repairs nothing. */
function withoutWake(original: typeof RigCore, hit: () => void): typeof RigCore {
  return class extends original {
    override call<Name extends keyof ShardApi>(name: Name, ...rest: CallArguments<Name>): Result<Name> {
      if (name !== "wake") return super.call(name, ...rest);
      hit();
      const nothing = { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
      const work = { accepted: 0, refused: 0, started: 0, finished: 0, staleReports: 0, leaseExpired: 0, bells: 0 };
      const spawns = { spawned: 0, spawnsRefused: 0 };
      const fires = { firesFired: 0, firesSkipped: 0, firesMissed: 0 };
      const events = { eventsDelivered: 0, eventsFailed: 0, eventsDropped: 0 };
      const totals = { ...work, ...spawns, ...fires, ...events };
      const waiting = { unprojected: 0, oldestDueAt: null, parkedKeys: 0, pendingEvents: 0, undelivered: 0 };
      return { live: 0, bytes: 0, rowsWritten: 0, counts: nothing, ...waiting, totals } as Result<Name>;
    }
  };
}
