import type * as rpc from "../../contract/rpc.ts";
import { checkJob, type Pair } from "./checks.ts";
import { see } from "./coverage.ts";
import type { Event, LeaseRef, ReportSpec } from "./events.ts";
import type { ModelJob, ModelQueue } from "./job.ts";
import type { ModelLease } from "./model.ts";
import { LANE_CONNECTIONS } from "./plan.ts";
import { expectSame } from "./prediction.ts";
import { CALL } from "./real.ts";

/** So many of its attempts a claimed job tells, the one that begins among them. */
const ATTEMPTS_TOLD = 2;

/** A lease as it was given, and what the model knows of it. */
interface Lease extends ModelLease {
  text: string;
}

interface Asked {
  lease: Lease;
  spec: ReportSpec;
  report: rpc.Report & { outcome: rpc.Outcome };
}

/** Of so many deliveries of a job, the last one counted, a shard knows the leases whatever became of them. */
const REMEMBERED = 10;

/** Whose lease was never given, or not to him. */
function isStranger({ of }: LeaseRef): boolean {
  return of === "forged" || of === "foreign";
}

/** Who claims and reports: the processor, pull workers, and those who come late, twice, or with what they never had. */
export class Workers {
  readonly #pair: Pair;
  readonly #leases: Lease[] = [];

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  work(queue: ModelQueue, event: Extract<Event, { type: "work" }>): void {
    const { model, real } = this.#pair;
    const { leaseMs, reports: specs } = event;
    const { lane, target } = queue.settings;
    const asked = specs.flatMap((spec) => this.#asked({ ...spec, of: spec.of === "foreign" ? "any" : spec.of }));
    const rooms = [event.room, event.other] as const;
    const room = { handler: rooms[target.type === "http" ? 1 : 0], http: rooms[target.type === "http" ? 0 : 1] };
    const reports = asked.map(({ report }) => report);
    const reply = real.core.work({
      ...CALL,
      lane,
      worker: "w",
      reports,
      room,
      leaseMs,
      connections: LANE_CONNECTIONS,
    });
    // One that leaves claims nothing, and says nothing of the lane.
    if (room.handler + room.http > 0) model.lanes.add(lane);
    model.cameForLane(lane, room);
    const found = model.tickOnce();
    const passedOver = model.passedOver();
    this.#compare(asked, reply.reports, found);
    this.#given(
      model.claimLane(lane, room, { leaseMs, passedOver }),
      reply.items.map(({ id, attempt, delivery, lease }) => ({ id, attempt, delivery, lease })),
    );
  }

  claim(asked: ModelQueue, { max, leaseMs, begins }: { max: number; leaseMs: number | null; begins: boolean }): void {
    const { model, real } = this.#pair;
    const queue = model.queues.find(({ settings }) => settings.target.type === "pull") ?? asked;
    const { namespace, name, target } = queue.settings;
    const { jobs } = real.core.claim({ ...CALL, namespace, queue: name, max, leaseMs, worker: null, begins });
    model.tickOnce();
    const predicted = target.type === "pull" ? model.claimQueue(queue, { max, leaseMs, begins }) : [];
    this.#given(
      predicted,
      jobs.map(({ job, lease }) => ({ id: job.id, attempt: job.attempt, delivery: job.delivery, lease })),
    );
    for (const [i, { job }] of jobs.entries()) {
      const given = predicted[i] as ModelJob;
      checkJob({ ...given, attempts: given.attempts.slice(-ATTEMPTS_TOLD) }, job);
    }
  }

  #given(
    jobs: ModelJob[],
    items: { id: string; attempt: number; delivery: number | undefined; lease: string }[],
  ): void {
    expectSame("claim", "ids", {
      predicted: jobs.map(({ id, attempt, delivery }) => `${id} ${attempt} ${delivery}`),
      answered: items.map(({ id, attempt, delivery }) => `${id} ${attempt} ${delivery}`),
    });
    seeClaim(jobs);
    for (const [i, job] of jobs.entries()) {
      this.#leases.push({ job, delivery: job.delivery, text: items[i]?.lease ?? "" });
    }
  }

  report(specs: ReportSpec[]): void {
    const { model, real } = this.#pair;
    // A pull worker reports for its namespace only.
    const [foreign, own] = [specs.filter(({ of }) => of === "foreign"), specs.filter(({ of }) => of !== "foreign")];
    for (const [namespace, some] of [
      ["elsewhere", foreign],
      [null, own],
    ] as const) {
      const asked = some.flatMap((spec) => this.#asked(spec));
      if (asked.length === 0) continue;
      const reports = asked.map(({ report }) => report);
      const reply = real.core.report({ ...CALL, namespace, reports, withJobs: true, queues: [], waitMs: 0 });
      const results = reply.type === "reported" ? reply.results : [];
      this.#compare(asked, results);
      for (const result of results) {
        const shown = "job" in result ? result.job : undefined;
        const job = shown === undefined ? undefined : model.job(shown.id);
        // What a later report of the same call did to the job is seen in both.
        if (job !== undefined && results.filter((other) => "job" in other && other.job?.id === job.id).length === 1) {
          checkJob(job, shown ?? null);
        }
      }
    }
  }

  #asked(spec: ReportSpec): Asked[] {
    const lease = this.#pick(spec);
    if (lease === null) return [];
    const { outcome: kind, retryAfterMs } = spec;
    const error = {
      code: kind === "released" ? "released" : "boom",
      message: "It broke.",
      retryable: kind !== "final-error",
    };
    const putBack = kind === "deferred" || kind === "released" ? { putBack: kind } : {};
    const outcome: rpc.Outcome =
      kind === "ok"
        ? { ok: true, result: "1", resultTruncated: false }
        : { ok: false, error, retryAfterMs, ...putBack };
    return [{ lease, spec, report: { lease: spec.of === "forged" ? forged(lease.text) : lease.text, outcome } }];
  }

  /** `found`: jobs over which the same step has thrown already. */
  #compare(asked: Asked[], results: rpc.ReportResult[], found: ReadonlySet<ModelJob> = new Set()): void {
    const { model } = this.#pair;
    const throwing = this.#throwing(asked);
    for (const job of throwing) if (!found.has(job)) model.setAside(job);
    const predicted = asked.map(({ lease, spec, report }) => {
      if (found.has(lease.job) || throwing.has(lease.job)) return "busy";
      return isStranger(spec) ? "unknown" : model.report(lease, report.outcome);
    });
    expectSame("report", "statuses", { predicted, answered: results.map(({ status }) => status) });
    for (const status of predicted) see(`report: ${status}`);
  }

  /** The jobs over which these reports throw: none whose success comes first. */
  #throwing(asked: Asked[]): Set<ModelJob> {
    const { model } = this.#pair;
    const first = new Map<ModelJob, boolean>();
    for (const { lease, spec, report } of asked) {
      const { job, delivery } = lease;
      if (first.has(job) || isStranger(spec)) continue;
      if (model.reportThrows(lease, report.outcome)) first.set(job, true);
      else if (report.outcome.ok && job.state === "running" && job.delivery === delivery) first.set(job, false);
    }
    return new Set([...first].flatMap(([job, throws]) => (throws ? [job] : [])));
  }

  extend(ref: LeaseRef, leaseMs: number): void {
    const { model, real } = this.#pair;
    const lease = this.#pick(ref);
    if (lease === null) return;
    const namespace = ref.of === "foreign" ? "elsewhere" : null;
    const asked = ref.of === "forged" ? forged(lease.text) : lease.text;
    const leases = [{ lease: asked, leaseMs, unlessLeftMs: null }];
    const reply = real.core.extend({ ...CALL, namespace, leases });
    const predicted = isStranger(ref) ? { status: "unknown" } : model.extend(lease, leaseMs);
    const result = reply.type === "extended" ? reply.results[0] : undefined;
    const until = result?.status === "extended" ? { leaseExpiresAt: result.leaseExpiresAt } : {};
    see(`extend: ${predicted.status}`);
    expectSame("extend", lease.text, { predicted, answered: { status: result?.status, ...until } });
  }

  #pick({ which, of }: LeaseRef): Lease | null {
    const current = this.#leases.filter(({ job, delivery }) => job.state === "running" && job.delivery === delivery);
    const cancelled = this.#leases.filter(({ job, delivery }) => job.state === "cancelled" && job.lease === delivery);
    // Of earlier deliveries a shard may have forgotten the tag: it takes a forged lease for a stale one.
    const remembered = this.#leases.filter(({ job, delivery }) => job.delivery - delivery < REMEMBERED);
    const pools: Partial<Record<LeaseRef["of"], Lease[]>> = { current, cancelled, forged: remembered };
    const pool = pools[of] ?? this.#leases;
    return pool[which % Math.max(1, pool.length)] ?? null;
  }
}

/** The same job and attempt with a tag that was never given. */
function forged(lease: string): string {
  return `${lease.slice(0, -32)}0123456789abcdef0123456789abcdef`;
}

function seeClaim(jobs: ModelJob[]): void {
  see(`claim: ${jobs.length === 0 ? "nothing" : jobs.length === 1 ? "one" : "several"}`);
  const many = (things: unknown[]) => new Set(things).size > 1;
  if (many(jobs.map(({ queue }) => queue))) see("claim: of several queues");
  const [first] = jobs;
  const same = jobs.filter(({ queue }) => queue === first?.queue);
  if (many(same.map(({ partition }) => partition))) see("claim: of several partitions");
  if (same.some(({ priority }) => priority > (first?.priority ?? 9))) see("claim: against priority");
}
