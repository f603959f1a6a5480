import type {
  ExtendRequest,
  ExtendResult,
  Extension,
  Report,
  ReportReply,
  ReportRequest,
  ReportResult,
} from "../../../contract/rpc.ts";
import { type Lease, parseLease } from "../../../domain/lease.ts";
import { act } from "../clock.ts";
import { takeSettings } from "../queues/configure.ts";
import { type JobHead, type StoredAttempt, toJob } from "../rows.ts";
import { SpawnPlans } from "../spawning/report-spawn.ts";
import type { Turn } from "../turn.ts";
import { endAttempt } from "./attempt.ts";
import type { Success } from "./job-store.ts";

/** Whose reports are taken: `namespace` null is the processor, which works for all. */
export interface Reporter {
  namespace: string | null;
  withJobs: boolean;
}

/** The door of pull workers: all reports, or none while the queue of a job that one of them brings is being changed. */
export function reportOrWait(turn: Turn, request: ReportRequest): Exclude<ReportReply, { type: "moved" }> {
  for (const settings of request.queues ?? []) takeSettings(turn, settings);
  const plans = plansOf(turn, request.reports, { namespace: request.namespace, fails: false });
  const { retryAfterMs } = plans;
  if (retryAfterMs !== null) return { type: "busy", retryAfterMs };
  return { type: "reported", results: recordAll(turn, plans, request) };
}

/** Records outcomes, each only under the lease that is current at this moment. A refused one changes nothing. */
export function reportAll(turn: Turn, reports: Report[], reporter: Reporter): ReportResult[] {
  return recordAll(turn, plansOf(turn, reports, { namespace: reporter.namespace, fails: true }), reporter);
}

function plansOf(
  turn: Turn,
  reports: Report[],
  { namespace, fails }: { namespace: string | null; fails: boolean },
): SpawnPlans {
  const jobOf = ({ lease: text }: Report) => {
    const lease = parseLease(text);
    const row = lease === null ? null : turn.stores.jobs.head(lease.jobId);
    if (lease === null || row === null || !mayTouch(turn, row, namespace) || !isCurrent(row, lease)) return null;
    if (row.state !== "running" || hasEnded(turn, row)) return null;
    return { id: row.id, namespace: turn.stores.queues.get(row.queue).settings.namespace };
  };
  return new SpawnPlans(turn, reports, { jobOf, fails });
}

function recordAll(turn: Turn, plans: SpawnPlans, reporter: Reporter): ReportResult[] {
  const { reports } = plans;
  const succeeded = recordSuccesses(turn, reports, { plans, namespace: reporter.namespace });
  return reports.map((report, i) => {
    if (succeeded.has(i) && !reporter.withJobs) return plans.recorded(report);
    const lease = parseLease(report.lease);
    if (lease === null) return { status: "unknown" };
    const result = succeeded.has(i) ? plans.recorded(report) : record(turn, lease, { report, plans, reporter });
    if (result.status === "stale") {
      turn.onCommit(() => {
        turn.stores.metrics.totals.staleReports += 1;
      });
    }
    if ((result.status !== "recorded" && result.status !== "stale") || !reporter.withJobs) return result;
    const row = turn.stores.jobs.row(lease.jobId);
    if (row === null) return result;
    return { ...result, job: turn.stores.progress.tell(toJob(row, turn.stores.queues.get(row.queue).settings)) };
  });
}

/**
 * The common path: all successes in one statement that carries the fence itself. Answers the places of the reports that
 * were recorded. Of several reports of one lease only the first may count, so only that one is tried here.
 */
function recordSuccesses(
  turn: Turn,
  reports: Report[],
  { plans, namespace }: { plans: SpawnPlans; namespace: string | null },
): Set<number> {
  const places = new Map<string, number>();
  const successes: Success[] = [];
  const leases = new Set<string>();
  for (const [i, report] of reports.entries()) {
    const { lease: text, outcome } = report;
    if (plans.answer(report) !== null) continue;
    const lease = leases.has(text) ? null : parseLease(text);
    leases.add(text);
    if (lease === null || !outcome.ok || places.has(lease.jobId)) continue;
    places.set(lease.jobId, i);
    const { jobId: id, attempt, nonce } = lease;
    successes.push({ id, attempt, nonce, result: outcome.result, truncated: outcome.resultTruncated });
  }
  const recorded = successes.length === 0 ? [] : turn.stores.jobs.succeed(successes, turn.now, namespace);
  for (const [queue, done] of Map.groupBy(recorded, (job) => job.queue)) {
    turn.tellAll("job.succeeded", queue, done);
  }
  for (const done of recorded) {
    turn.moved(done.queue, "running", null);
    turn.finished({ ...done, state: "succeeded" }, 0);
    turn.settleKey(done.queue, done.ordering_key, null);
    turn.touchGate(done.queue, done.concurrency_key);
  }
  // SQLite tells what it wrote in no order; what the successes bring is accepted in that of the reports.
  const recordedAt = recorded.map(({ id }) => places.get(id) ?? -1).sort((a, b) => a - b);
  for (const i of recordedAt) {
    const report = reports[i];
    if (report !== undefined) plans.succeeded(turn, report);
  }
  return new Set(recordedAt);
}

interface Recording {
  report: Report;
  plans: SpawnPlans;
  reporter: Reporter;
}

/** Any other report: a failure, or one that the fence refused. */
function record(turn: Turn, lease: Lease, { report, plans, reporter }: Recording): ReportResult {
  const { outcome, said } = report;
  const { namespace } = reporter;
  const answer = plans.answer(report);
  if (answer !== null) return answer;
  const row = turn.stores.jobs.head(lease.jobId);
  if (row === null) return { status: wasDiscarded(turn, lease, namespace) ? "stale" : "unknown" };
  if (!mayTouch(turn, row, namespace)) return { status: "unknown" };
  if (!isCurrent(row, lease)) return { status: wasGiven(row, lease) ? "stale" : "unknown" };
  if (row.state === "cancelled") return { status: "stale", cancelled: true };
  if (row.state !== "running") return { status: "stale" };
  if (hasEnded(turn, row)) {
    act(turn, row);
    return { status: "stale" };
  }
  if (outcome.ok) {
    // An earlier report in this call named the job under a lease that is not the current one.
    return recordSuccesses(turn, [report], { plans, namespace }).size > 0
      ? plans.recorded(report)
      : { status: "stale" };
  }
  if (said !== undefined) turn.stores.progress.save(row.id, said, turn.now);
  endAttempt(turn, row, { outcome: "failed", error: outcome.error, retryAfterMs: outcome.retryAfterMs });
  return { status: "recorded" };
}

/** Moves the end of leases, and stores what comes with it. The attempt's own end, its timeout, is never moved. */
export function extendAll(turn: Turn, request: ExtendRequest): ExtendResult[] {
  return request.leases.map((extension) => {
    const lease = parseLease(extension.lease);
    const row = lease === null ? null : turn.stores.jobs.head(lease.jobId);
    if (lease === null) return { status: "unknown" };
    if (row === null) return { status: wasDiscarded(turn, lease, request.namespace) ? "stale" : "unknown" };
    if (!mayTouch(turn, row, request.namespace)) return { status: "unknown" };
    if (!isCurrent(row, lease)) return { status: wasGiven(row, lease) ? "stale" : "unknown" };
    if (row.state === "cancelled") return { status: "cancelled" };
    if (row.state !== "running") return { status: "stale" };
    if (hasEnded(turn, row)) {
      act(turn, row);
      return { status: "stale" };
    }
    if (extension.said !== undefined) turn.stores.progress.save(row.id, extension.said, turn.now);
    const endsAt = turn.now + (extension.leaseMs ?? row.timeout_ms);
    const after = needsNoMore(turn, row, extension) ? row : turn.change(row, { lease_ends_at: endsAt });
    const leaseExpiresAt = after.due_at ?? turn.now;
    if (extension.unlessLeftMs === undefined) return { status: "extended", leaseExpiresAt };
    return { status: "extended", leaseExpiresAt, leaseLeftMs: leaseExpiresAt - turn.now };
  });
}

/** Whether the lease lasts as long as the caller needs: or as long as any can, which is to the end of the attempt. */
function needsNoMore(turn: Turn, row: JobHead, { unlessLeftMs }: Extension): boolean {
  if (unlessLeftMs === undefined) return false;
  const endsAt = row.lease_ends_at ?? turn.now;
  return endsAt - turn.now > unlessLeftMs || (row.attempt_ends_at !== null && endsAt >= row.attempt_ends_at);
}

/** The leases of a discarded job are forgotten: any that names it counts as one it had. */
function wasDiscarded(turn: Turn, lease: Lease, namespace: string | null): boolean {
  const row = turn.stores.discarded.find(lease.jobId);
  return row !== null && mayTouch(turn, row, namespace);
}

function mayTouch(turn: Turn, row: Pick<JobHead, "queue">, namespace: string | null): boolean {
  return namespace === null || turn.stores.queues.get(row.queue).settings.namespace === namespace;
}

/** The lease is over, or the attempt's time is, though the clock has not come to it yet. */
function hasEnded(turn: Turn, row: JobHead): boolean {
  return row.due_at !== null && row.due_at <= turn.now;
}

/** The lease of the latest attempt, whatever has become of the job since. */
function isCurrent(row: JobHead, lease: Lease): boolean {
  return row.attempt === lease.attempt && row.lease === lease.nonce;
}

function wasGiven(row: JobHead, lease: Lease): boolean {
  const attempts = JSON.parse(row.attempts) as StoredAttempt[];
  return attempts.some((attempt) => attempt.number === lease.attempt && attempt.nonce === lease.nonce);
}
