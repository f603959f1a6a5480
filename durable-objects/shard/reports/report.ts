import type { Outcome, Report, ReportReply, ReportRequest, ReportResult } from "../../../contract/rpc.ts";
import { type Lease, parseLease } from "../../../domain/lease.ts";
import { noteHold } from "../flow/holds.ts";
import { noteBegun } from "../jobs/begun-claims.ts";
import { BEGUN, type JobHead, type JobSpec, toJob } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { LeaseTags } from "../jobs/lease-tag.ts";
import { METRICS } from "../jobs/metrics.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import type { Success } from "../jobs/state-store.ts";
import { succeed } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { CAPACITY } from "../lifecycle/admission.ts";
import { applyDeadline } from "../lifecycle/deadlines.ts";
import { deferAttempt, endAttempt, putBackUnbegun } from "../lifecycle/end-attempt.ts";
import { type Bringing, SpawnPlans } from "../outbox/spawn-plans.ts";
import { QUEUES, takeSettings } from "../queues/queue-store.ts";
import { askedLeases } from "./asked.ts";
import { fenceOf } from "./fence.ts";
import { recordHandOver } from "./hand-over.ts";

/** Whose reports are taken: `namespace` null is the processor, which works for all. */
export interface Reporter {
  namespace: string | null;
  withJobs: boolean;
}

/** All reports, or none while the queue of a job that one of them brings is being changed. */
export function report(step: Step, request: ReportRequest): ReportReply {
  const { own, answers } = askedLeases(step, request.reports);
  if (own.length === 0) return { type: "reported", results: answers([]) };
  for (const settings of request.queues) takeSettings(step, settings);
  const plans = plansOf(step, own, { namespace: request.namespace, fails: request.namespace === null });
  const retryAfterMs = plans?.retryAfterMs ?? null;
  if (retryAfterMs !== null) return { type: "busy", retryAfterMs };
  return { type: "reported", results: answers(new Recording(step, plans, request).recordAll(own)) };
}

/** Records outcomes, each only under the lease that is current at this moment. A refused one changes nothing. */
export function reportAll(step: Step, reports: Report[], reporter: Reporter): ReportResult[] {
  if (reports.length === 0) return [];
  const { own, answers } = askedLeases(step, reports);
  const plans = plansOf(step, own, { namespace: reporter.namespace, fails: true });
  return answers(new Recording(step, plans, reporter).recordAll(own));
}

/** Null when none of the reports brings a job. */
function plansOf(
  step: Step,
  reports: Report[],
  { namespace, fails }: { namespace: string | null; fails: boolean },
): SpawnPlans | null {
  if (!reports.some(({ outcome }) => outcome.ok && (outcome.spawn ?? []).length > 0)) return null;
  const jobOf = ({ lease: text }: Report) => {
    const lease = parseLease(text);
    const fence = lease === null ? null : fenceOf(step, lease, namespace);
    if (fence?.type !== "current") return null;
    const { id, queue, spec } = fence.row;
    const { depth = 0, traceparent } = JSON.parse(spec) as JobSpec;
    const { namespace: owner, target } = step.get(QUEUES).get(queue).settings;
    const pointer: Bringing["pointer"] = target.type === "http" ? "/dure-spawn" : "/spawn";
    return { id, namespace: owner, depth, pointer, ...(traceparent === undefined ? {} : { traceparent }) };
  };
  return new SpawnPlans(step, reports, { jobOf, fails });
}

/** A success whose lease has still to be looked at. */
type Tried = { lease: Lease } & Pick<Success, "result" | "truncated" | "warning">;

/** Records the reports of one call in one step. */
class Recording {
  readonly #step: Step;
  /** Null when no report brings jobs. */
  readonly #plans: SpawnPlans | null;
  readonly #reporter: Reporter;

  constructor(step: Step, plans: SpawnPlans | null, reporter: Reporter) {
    this.#step = step;
    this.#plans = plans;
    this.#reporter = reporter;
  }

  recordAll(asSent: Report[]): ReportResult[] {
    const reports = this.#plans?.reports ?? asSent;
    const recorded = this.#recordSuccesses(reports);
    return reports.map((report, i) => {
      if (recorded.has(i) && !this.#reporter.withJobs) return this.#recorded(report);
      const lease = parseLease(report.lease);
      if (lease === null) return { status: "unknown" };
      const result = recorded.has(i) ? this.#recorded(report) : this.#recordOther(report, lease);
      if (result.status === "stale") this.#countStale();
      return this.#reporter.withJobs ? this.#withJob(result, lease) : result;
    });
  }

  /**
   * The common path: all successes in one statement that carries the fence itself. Answers the places of the reports that
   * were recorded. Of several reports of one lease only the first may count, so only that one is tried here.
   */
  #recordSuccesses(reports: Report[]): Set<number> {
    const places = new Map<string, number>();
    const tried: Tried[] = [];
    const leases = new Set<string>();
    for (const [i, report] of reports.entries()) {
      const { lease: text, outcome } = report;
      if (this.#answer(report) !== null) continue;
      const lease = leases.has(text) ? null : parseLease(text);
      leases.add(text);
      if (lease === null || !outcome.ok || places.has(lease.jobId)) continue;
      places.set(lease.jobId, i);
      tried.push({ lease, ...this.#kept(outcome), warning: outcome.warning ?? null });
    }
    const { successes, unsaid } = this.#withNonces(tried);
    if (successes.length === 0) return new Set();
    const done = succeed(this.#step, successes, this.#reporter.namespace);
    if (unsaid.size > 0) for (const { id } of done) noteBegun(this.#step, unsaid.get(id) ?? null);
    const recorded = new Set(done.map(({ id }) => places.get(id) ?? -1));
    if (this.#plans !== null) this.#launch(reports, recorded, this.#plans);
    return recorded;
  }

  /**
   * Those whose lease was made of the nonce that its job has now, with the nonce, which the statement compares once more.
   * `unsaid`: the nonces of those whose worker had not said that it has begun them.
   */
  #withNonces(tried: Tried[]): { successes: Success[]; unsaid: Map<string, string> } {
    const unsaid = new Map<string, string>();
    if (tried.length === 0) return { successes: [], unsaid };
    const nonces = this.#step.get(JOBS).nonces(tried.map(({ lease }) => lease.jobId));
    const tags = new LeaseTags();
    const successes = tried.flatMap(({ lease, ...kept }) => {
      const { nonce = null, begun } = nonces.get(lease.jobId) ?? {};
      if (nonce === null || !tags.isMadeOf(nonce, lease)) return [];
      if (begun === BEGUN.unsaid) unsaid.set(lease.jobId, nonce);
      return [{ id: lease.jobId, delivery: lease.delivery, nonce, ...kept }];
    });
    return { successes, unsaid };
  }

  /** What is kept of a result: all of it, as long as the shard's last reserve is not touched. The outcome is always kept. */
  #kept({ result, resultTruncated }: { result: string | null; resultTruncated: boolean }) {
    const capacity = this.#step.get(CAPACITY);
    const hasRoom = result === null || capacity.bytes(this.#step.now) < capacity.limits.maxResultBytes;
    return hasRoom ? { result, truncated: resultTruncated } : { result: null, truncated: true };
  }

  /** SQLite tells what it wrote in no order; what the successes bring is accepted in that of the reports. */
  #launch(reports: Report[], recorded: Set<number>, plans: SpawnPlans): void {
    for (const [i, report] of reports.entries()) if (recorded.has(i)) plans.succeeded(this.#step, report);
  }

  /** Any other report: a failure, or one that the fence refused. */
  #recordOther(report: Report, lease: Lease): ReportResult {
    const { outcome, progress } = report;
    const answer = this.#answer(report);
    if (answer !== null) return answer;
    const fence = fenceOf(this.#step, lease, this.#reporter.namespace);
    switch (fence.type) {
      case "unknown":
        return { status: "unknown" };
      case "stale":
        return { status: "stale" };
      case "cancelled":
        return { status: "stale", cancelled: true };
      case "ended":
        applyDeadline(this.#step, fence.row);
        return { status: "stale" };
      case "current":
        break;
    }
    if (outcome.ok) {
      // An earlier report in this call named the job under a lease that is not the current one.
      return this.#recordSuccesses([report]).size > 0 ? this.#recorded(report) : { status: "stale" };
    }
    const { row } = fence;
    if (outcome.ok === null) {
      recordHandOver(this.#step, row);
      return { status: "recorded" };
    }
    if (progress !== undefined) this.#step.get(PROGRESS).save(row.id, progress, this.#step.now);
    if (row.begun === BEGUN.unsaid) noteBegun(this.#step, row.lease);
    this.#putBackOrEnd(row, outcome);
    return { status: "recorded" };
  }

  #putBackOrEnd(row: JobHead, { error, retryAfterMs, putBack: by, hold }: Extract<Outcome, { ok: false }>): void {
    if (hold !== undefined) {
      const { settings } = this.#step.get(QUEUES).get(row.queue);
      noteHold(this.#step, settings.namespace, { hold, now: this.#step.now });
      putBackUnbegun(this.#step, row);
    } else if (by === undefined) endAttempt(this.#step, row, { outcome: "failed", error, retryAfterMs });
    else deferAttempt(this.#step, row, { by, error, askedMs: retryAfterMs ?? 0 });
  }

  /** What the plans say in place of recording; null: it is recorded. */
  #answer(report: Report): ReportResult | null {
    return this.#plans?.answer(report) ?? null;
  }

  #recorded(report: Report): ReportResult {
    return this.#plans?.recorded(report) ?? { status: "recorded" };
  }

  #withJob(result: ReportResult, lease: Lease): ReportResult {
    if (result.status !== "recorded" && result.status !== "stale") return result;
    const row = this.#step.get(JOBS).row(lease.jobId);
    if (row === null) return result;
    const { settings } = this.#step.get(QUEUES).get(row.queue);
    return { ...result, job: this.#step.get(PROGRESS).tell(toJob(row, settings)) };
  }

  #countStale(): void {
    const { totals } = this.#step.get(METRICS);
    this.#step.onCommit(() => {
      totals.staleReports += 1;
    });
  }
}
