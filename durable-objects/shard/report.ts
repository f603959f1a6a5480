import type { ExtendRequest, ExtendResult, Outcome, Report, ReportResult } from "../../contract/rpc.ts";
import { type Lease, parseLease } from "../../domain/lease.ts";
import { endAttempt } from "./attempt.ts";
import { act } from "./clock.ts";
import { type JobHead, type StoredAttempt, toJob } from "./rows.ts";
import type { Turn } from "./turn.ts";

/** Whose reports are taken: `namespace` null is the processor, which works for all. */
export interface Reporter {
  namespace: string | null;
  withJobs: boolean;
}

/** Records outcomes, each only under the lease that is current at this moment. A refused one changes nothing. */
export function reportAll(turn: Turn, reports: Report[], reporter: Reporter): ReportResult[] {
  return reports.map((report) => {
    const lease = parseLease(report.lease);
    const status = lease === null ? "unknown" : record(turn, lease, report.outcome, reporter.namespace);
    if (lease === null || status === "unknown") return { status: "unknown" };
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

function record(turn: Turn, lease: Lease, outcome: Outcome, namespace: string | null): ReportResult["status"] {
  if (outcome.ok && namespace === null) {
    // The common path: the fence is in the statement itself, nothing is read first.
    if (succeed(turn, lease, outcome)) return "recorded";
  }
  const row = turn.stores.jobs.head(lease.jobId);
  if (row === null || !mayTouch(turn, row, namespace)) return "unknown";
  if (!isCurrent(row, lease)) return wasGiven(row, lease) ? "stale" : "unknown";
  if (row.state === "running" && row.due_at !== null && row.due_at <= turn.now) act(turn, row);
  else if (row.state === "running") {
    if (!outcome.ok)
      endAttempt(turn, row, { outcome: "failed", error: outcome.error, retryAfterMs: outcome.retryAfterMs });
    else if (!succeed(turn, lease, outcome)) throw new Error(`${row.id} runs under this lease and refused its success`);
    return "recorded";
  }
  return "stale";
}

function succeed(turn: Turn, lease: Lease, outcome: Outcome & { ok: true }): boolean {
  const done = turn.stores.jobs.succeed({
    id: lease.jobId,
    attempt: lease.attempt,
    nonce: lease.nonce,
    now: turn.now,
    result: outcome.result,
    truncated: outcome.resultTruncated,
  });
  if (done === null) return false;
  turn.moved(done.queue, "running", null);
  turn.finished({ id: lease.jobId, state: "succeeded", ...done }, 0);
  turn.settleKey(done.queue, done.ordering_key, null);
  return true;
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
