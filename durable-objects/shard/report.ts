import type { ExtendRequest, ExtendResult, Outcome, Report, ReportResult } from "../../contract/rpc.ts";
import { formatLease, type Lease, parseLease } from "../../domain/lease.ts";
import { endAttempt } from "./attempt.ts";
import { act } from "./clock.ts";
import type { Success } from "./job-store.ts";
import { type JobHead, type StoredAttempt, toJob } from "./rows.ts";
import type { Turn } from "./turn.ts";

/** Whose reports are taken: `namespace` null is the processor, which works for all. */
export interface Reporter {
  namespace: string | null;
  withJobs: boolean;
}

/** Records outcomes, each only under the lease that is current at this moment. A refused one changes nothing. */
export function reportAll(turn: Turn, reports: Report[], reporter: Reporter): ReportResult[] {
  const succeeded = recordSuccesses(turn, reports, reporter.namespace);
  return reports.map((report, i) => {
    if (succeeded.has(i) && !reporter.withJobs) return { status: "recorded" };
    const lease = parseLease(report.lease);
    if (lease === null) return { status: "unknown" };
    const status = succeeded.has(i) ? "recorded" : record(turn, lease, report.outcome, reporter.namespace);
    if (status === "unknown") return { status };
    if (status === "stale") {
      turn.onCommit(() => {
        turn.stores.metrics.totals.staleReports += 1;
      });
    }
    if (!reporter.withJobs) return { status };
    const row = turn.stores.jobs.row(lease.jobId);
    return row === null ? { status } : { status, job: toJob(row, turn.stores.queues.get(row.queue).settings) };
  });
}

/**
 * The common path: all successes in one statement that carries the fence itself. Answers the places of the reports that
 * were recorded. Of several reports of one lease only the first may count, so only that one is tried here.
 */
function recordSuccesses(turn: Turn, reports: Report[], namespace: string | null): Set<number> {
  const places = new Map<string, number>();
  const successes: Success[] = [];
  const leases = new Set<string>();
  for (const [i, { lease: text, outcome }] of reports.entries()) {
    const lease = leases.has(text) ? null : parseLease(text);
    leases.add(text);
    if (lease === null || !outcome.ok || places.has(lease.jobId)) continue;
    places.set(lease.jobId, i);
    const { jobId: id, attempt, nonce } = lease;
    successes.push({ id, attempt, nonce, result: outcome.result, truncated: outcome.resultTruncated });
  }
  const recorded = successes.length === 0 ? [] : turn.stores.jobs.succeed(successes, turn.now, namespace);
  for (const done of recorded) {
    turn.moved(done.queue, "running", null);
    turn.finished({ ...done, state: "succeeded" }, 0);
    turn.settleKey(done.queue, done.ordering_key, null);
  }
  return new Set(recorded.map(({ id }) => places.get(id) ?? -1));
}

/** Any other report: a failure, or one that the fence refused. */
function record(turn: Turn, lease: Lease, outcome: Outcome, namespace: string | null): ReportResult["status"] {
  const row = turn.stores.jobs.head(lease.jobId);
  if (row === null || !mayTouch(turn, row, namespace)) return "unknown";
  if (!isCurrent(row, lease)) return wasGiven(row, lease) ? "stale" : "unknown";
  if (row.state !== "running") return "stale";
  if (row.due_at !== null && row.due_at <= turn.now) {
    act(turn, row);
    return "stale";
  }
  if (outcome.ok) {
    // An earlier report in this call named the job under a lease that is not the current one.
    const report = { lease: formatLease(lease), outcome };
    return recordSuccesses(turn, [report], namespace).size > 0 ? "recorded" : "stale";
  }
  endAttempt(turn, row, { outcome: "failed", error: outcome.error, retryAfterMs: outcome.retryAfterMs });
  return "recorded";
}

/** Moves the end of leases. The attempt's own end, its timeout, is never moved. */
export function extendAll(turn: Turn, request: ExtendRequest): ExtendResult[] {
  return request.leases.map(({ lease: text, leaseMs }) => {
    const lease = parseLease(text);
    const row = lease === null ? null : turn.stores.jobs.head(lease.jobId);
    if (lease === null || row === null || !mayTouch(turn, row, request.namespace)) return { status: "unknown" };
    if (!isCurrent(row, lease)) return { status: wasGiven(row, lease) ? "stale" : "unknown" };
    if (row.state === "cancelled") return { status: "cancelled" };
    if (row.state !== "running") return { status: "stale" };
    if (row.due_at !== null && row.due_at <= turn.now) {
      act(turn, row);
      return { status: "stale" };
    }
    const after = turn.change(row, { lease_ends_at: turn.now + leaseMs });
    return { status: "extended", leaseExpiresAt: after.due_at ?? turn.now };
  });
}

function mayTouch(turn: Turn, row: JobHead, namespace: string | null): boolean {
  return namespace === null || turn.stores.queues.get(row.queue).settings.namespace === namespace;
}

/** The lease of the latest attempt, whatever has become of the job since. */
function isCurrent(row: JobHead, lease: Lease): boolean {
  return row.attempt === lease.attempt && row.lease === lease.nonce;
}

function wasGiven(row: JobHead, lease: Lease): boolean {
  const attempts = JSON.parse(row.attempts) as StoredAttempt[];
  return attempts.some((attempt) => attempt.number === lease.attempt && attempt.nonce === lease.nonce);
}
